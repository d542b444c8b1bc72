import { describeValue } from '../contracts/errors.js'
import { type InputProblem, InvalidRequestError } from '../contracts/input-errors.js'
import type { VideoRequest } from '../contracts/request.js'
import type { RunQuery } from '../contracts/run-store.js'

/** What belongs to one run. */
export interface RunOptions {
  /** Aborts the run, as `run.cancel` does. */
  readonly signal?: AbortSignal | undefined
  /**
   * 1 to 255 characters. An id that the store knows joins or resumes that run; it never starts a second.
   * @defaultValue `run_` and 128 random bits
   */
  readonly id?: string | undefined
  /**
   * Who the run belongs to, 1 to 255 characters and no secret: kept with the run, so that a backend can show it to nobody else.
   * An id that is known under another owner is refused.
   */
  readonly owner?: string | undefined
}

/** What belongs to a run of an adopted job. */
export interface AdoptOptions extends Pick<RunOptions, 'id' | 'owner'> {
  /** What the job was submitted for; without it no other generator is tried when the job fails. */
  readonly request?: VideoRequest | undefined
}

/** What a run is opened with beyond what its caller gives. */
export type Opened = { readonly delayMs?: number; readonly retryOf?: string }

/** How a pipeline closes. */
export interface CloseOptions {
  /**
   * How long effects in progress (a submission, an upload) may take to finish, in milliseconds from 0; `Infinity` waits for them.
   * @defaultValue 10000
   */
  readonly graceMs?: number | undefined
}

type Rule = { readonly isRight: (value: unknown) => boolean; readonly fix: string }

const name: Rule = {
  isRight: (value) => typeof value === 'string' && value.length >= 1 && value.length <= 255,
  fix: 'give 1 to 255 characters',
}

const RUN_OPTIONS: Readonly<Record<string, Rule>> = {
  signal: { isRight: isAbortSignal, fix: 'give an AbortSignal, such as controller.signal' },
  id: name,
  owner: name,
}

const QUERY: Readonly<Record<keyof RunQuery, Rule>> = {
  owner: { isRight: (value) => typeof value === 'string', fix: 'give a text' },
  order: {
    isRight: (value) => value === 'newest-first' || value === 'oldest-first',
    fix: "give 'newest-first' or 'oldest-first'",
  },
  after: name,
  limit: {
    isRight: (value) => Number.isSafeInteger(value) && (value as number) >= 1 && (value as number) <= 1000,
    fix: 'give a whole number from 1 to 1000',
  },
}

const CLOSE: Readonly<Record<keyof CloseOptions, Rule>> = {
  graceMs: { isRight: (value) => typeof value === 'number' && value >= 0, fix: 'give milliseconds from 0' },
}

/**
 * Checks the options of a run.
 * @param allowed - Names of the options that the call takes.
 * @throws InvalidRequestError naming every problem, among them options that the call does not take.
 */
export function checkRunOptions(
  options: RunOptions,
  allowed: readonly (keyof RunOptions)[] = ['signal', 'id', 'owner'],
): void {
  const rules = Object.fromEntries(allowed.map((option) => [option, RUN_OPTIONS[option] as Rule]))
  check('options', options, rules)
}

/**
 * A query with its defaults: the newest 100 runs of every owner.
 * @throws InvalidRequestError naming every problem.
 */
export function runQueryOf(query: Partial<RunQuery>): RunQuery {
  check('query', query, QUERY)
  const given = Object.entries(query).filter(([, value]) => value !== undefined)
  return { order: 'newest-first', limit: 100, ...Object.fromEntries(given) }
}

/**
 * How long a pipeline that closes waits for effects.
 * @throws InvalidRequestError naming `graceMs`.
 */
export function graceMsOf(options: CloseOptions): number {
  check('options', options, CLOSE)
  return options.graceMs ?? 10_000
}

function check(what: string, given: unknown, rules: Readonly<Record<string, Rule>>): void {
  const describe = (field: string, value: unknown, fix: string) => ({ field, value: describeValue(value), fix })
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw new InvalidRequestError([describe(what, given, 'give an object, or leave it out')])
  const problems = Object.entries(given).flatMap(([field, value]): InputProblem[] => {
    const rule = Object.hasOwn(rules, field) ? rules[field] : undefined
    if (rule === undefined) return [{ field, value: 'unknown', fix: `give one of ${Object.keys(rules).join(', ')}` }]
    return value === undefined || rule.isRight(value) ? [] : [describe(field, value, rule.fix)]
  })
  if (problems.length > 0) throw new InvalidRequestError(problems)
}

// One of another realm is none of this one's class.
function isAbortSignal(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  const { aborted, addEventListener, removeEventListener } = value as Partial<AbortSignal>
  return (
    typeof aborted === 'boolean' && typeof addEventListener === 'function' && typeof removeEventListener === 'function'
  )
}
