import { attemptObserverOf } from '../contracts/attempt-observer.js'
import { locateError } from '../contracts/errors.js'
import type { StageContext } from '../contracts/stage.js'
import { callVerb, type StageCalls, type Strategy, type Verb } from './stage-calls.js'

// The plain strategies inside each combined one. A combined strategy tells of its members' attempts itself.
const members = new WeakMap<Strategy, readonly Strategy[]>()

/** Marks a strategy as made of others. */
export function combined<S extends Strategy>(strategy: S, parts: readonly Strategy[]): S {
  members.set(strategy, parts.flatMap(plainStrategiesOf))
  return strategy
}

/** The plain strategies that a strategy is made of, in order: itself when it is plain. */
export function plainStrategiesOf(strategy: Strategy): readonly Strategy[] {
  return members.get(strategy) ?? [strategy]
}

/** Bounds a call, for one by a time limit. */
export type Around = <T>(call: (signal: AbortSignal) => Promise<T>) => Promise<T>

/**
 * Calls a strategy by its verb and tells the context's observer how it went. Rejects with what the strategy, or the bound
 * around it, rejects with.
 */
export async function callStrategy<V extends Verb>(
  verb: V,
  strategy: StageCalls[V]['strategy'],
  input: StageCalls[V]['input'],
  context: StageContext,
  around: Around = (call) => call(context.signal),
): Promise<StageCalls[V]['output']> {
  const call = () => around((signal) => callVerb(verb, strategy, input, { ...context, signal }))
  if (members.has(strategy)) return call()
  const observer = attemptObserverOf(context)
  const startedAt = context.clock.monotonic()
  const attempt = () => ({ strategy, durationMs: context.clock.monotonic() - startedAt })
  try {
    const output = await call()
    observer.succeeded(attempt())
    return output
  } catch (error) {
    observer.failed({ ...attempt(), error: locateError(error, { stage: verb, strategy: strategy.name }) })
    throw error
  }
}
