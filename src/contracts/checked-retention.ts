import { checkArgument } from './check-argument.js'
import { isFields } from './is-fields.js'
import { rule } from './option-rules.js'
import { isRetainedAt as isRetained, retainedRun as retained } from './retained-run.js'
import type { StoredRun } from './run-store.js'

// A thread of a store loads the functions without these checks.
const A_STATE = rule(
  (value) => isFields(value) && typeof value.id === 'string',
  'give the state of a run, as load() of the store returns it',
)
const AN_INSTANT = rule((value) => typeof value === 'number', 'give epoch milliseconds')

/**
 * What a store keeps of a forgotten run while its id may be used again: id, status, URL and error, no prompt.
 *
 * @throws ConfigurationError when `state` is not the state of a run.
 */
export function retainedRun(state: StoredRun): StoredRun {
  checkArgument('retainedRun', 'state', state, A_STATE)
  return retained(state)
}

/**
 * Whether a run that a store forgets at `now` leaves what {@link retainedRun} returns.
 *
 * @throws ConfigurationError when `state` is not the state of a run, or `now` is not a number.
 */
export function isRetainedAt(state: StoredRun, now: number): boolean {
  checkArgument('isRetainedAt', 'state', state, A_STATE)
  checkArgument('isRetainedAt', 'now', now, AN_INSTANT)
  return isRetained(state, now)
}
