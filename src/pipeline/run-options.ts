import { type OptionRules, problemsOfOptions } from '../contracts/check-options.js'
import { InvalidRequestError } from '../contracts/input-errors.js'
import { aSignal, choice, LONGEST_TIMER_MS, msFrom0, number, rule } from '../contracts/option-rules.js'
import type { VideoRequest } from '../contracts/request.js'
import type { RunQuery } from '../contracts/run-store.js'
import type { VideoVariant } from '../contracts/source.js'
import { readTraceparent } from './tracing/traceparent.js'

/** Options of one run. */
export interface RunOptions {
  /** Aborts the run, as `run.cancel` does. @defaultValue none */
  readonly signal?: AbortSignal | undefined
  /**
   * Id of the run, 1 to 255 characters; a longer id is refused. An id that the store knows joins or resumes that run and never
   * starts a second one.
   * @defaultValue `run_` and 128 random bits
   */
  readonly id?: string | undefined
  /**
   * Owner of the run, such as a tenant; 1 to 255 characters and no secret. It is kept with the run, so that a backend can show
   * the run only to its owner. An id of a run of another owner is refused.
   * @defaultValue none
   */
  readonly owner?: string | undefined
  /**
   * W3C `traceparent` of the caller, such as the header of an HTTP request: `00-`, trace id, span id and flags. It is kept with the
   * run. The span of the process that starts the run is its child, unless another span is active there; the spans of all other
   * processes link to it. An id that joins a run keeps that of the run.
   * @defaultValue the active span, if `instrument()` of `sora-pipeline/otel` was called; otherwise none
   */
  readonly traceparent?: string | undefined
}

/** Options of a run of an adopted job. */
export interface AdoptOptions extends Pick<RunOptions, 'id' | 'owner'> {
  /**
   * The request of the job. With it the next generator of the chain is tried when the job fails.
   * @defaultValue none: a job that fails ends the run
   */
  readonly request?: VideoRequest | undefined
}

/** Internal options of a run. */
export type Opened = {
  readonly delayMs?: number
  readonly retryOf?: string
  /** Whether not to join a live run of that id, which may have the former state of the store. */
  readonly isSeparate?: boolean
}

/** Which runs are recovered. */
export interface RecoverOptions {
  /**
   * Maximum number of runs to resume, the most overdue first; a whole number from 1, or `Infinity` for no limit. Further runs
   * stay unchanged until the next call.
   * @defaultValue `Infinity`
   */
  readonly limit?: number | undefined
}

/** How a pipeline closes. */
export interface CloseOptions {
  /**
   * How long effects in progress (a submission, an upload) may take to finish, in milliseconds from 0. After it an upload is
   * aborted, and a submission is no longer awaited; its response is saved if it comes while the process lives. `Infinity` waits without a limit.
   * @defaultValue `10_000` (10 s)
   */
  readonly graceMs?: number | undefined
  /**
   * How long the pipeline works as before after the call, new runs included, in milliseconds from 0 to 2,147,483,647. `isClosing`
   * is `true` at once, and the route `healthz` of a handler answers 503, so that a load balancer stops sending requests here.
   * `graceMs` begins after it.
   * @defaultValue `0`
   */
  readonly drainMs?: number | undefined
}

/** What of a video is opened. */
export interface OpenVideoOptions {
  /**
   * `'video'`, or a picture that the upstream made beside it: `'thumbnail'` for one frame, `'spritesheet'` for many. It comes from
   * the generator of the run, is read into memory and has at most 20 MiB.
   * @defaultValue `'video'`
   */
  readonly variant?: 'video' | VideoVariant | undefined
}

const aName = rule(
  (value) => typeof value === 'string' && value.length >= 1 && value.length <= 255,
  'give 1 to 255 characters',
)

const aTraceparent = rule(
  (value) => readTraceparent(value) !== undefined,
  'give a W3C traceparent of version 00, such as 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
)

const RUN_OPTIONS: OptionRules<RunOptions> = { signal: aSignal, id: aName, owner: aName, traceparent: aTraceparent }

const ADOPT_OPTIONS: OptionRules<AdoptOptions> = {
  id: aName,
  owner: aName,
  // Checked like the request of a run.
  request: rule((value) => typeof value === 'object' && value !== null, 'give a VideoRequest'),
}

/** Which runs {@link SoraPipeline.list} returns; never removed runs. */
export type PipelineQuery = Omit<RunQuery, 'withRemoved'>

const QUERY: OptionRules<PipelineQuery> = {
  owner: rule((value) => typeof value === 'string', 'give a text'),
  order: choice('newest-first', 'oldest-first'),
  after: aName,
  limit: number(
    (value) => Number.isSafeInteger(value) && value >= 1 && value <= 1000,
    'give a whole number from 1 to 1000',
  ),
}

const OPEN_VIDEO: OptionRules<OpenVideoOptions> = { variant: choice('video', 'thumbnail', 'spritesheet') }

const RECOVER: OptionRules<RecoverOptions> = {
  limit: number(
    (value) => value === Number.POSITIVE_INFINITY || (Number.isSafeInteger(value) && value >= 1),
    'give a whole number from 1',
  ),
}

const CLOSE: OptionRules<CloseOptions> = {
  graceMs: msFrom0,
  drainMs: number(
    (value) => value >= 0 && value <= LONGEST_TIMER_MS,
    `give milliseconds from 0 to ${LONGEST_TIMER_MS}`,
  ),
}

/**
 * Checks the options of a run.
 * @param allowed - Names of the options that the call takes.
 * @throws InvalidRequestError naming every problem, including options that the call does not take.
 */
export function checkRunOptions(
  options: RunOptions,
  allowed: readonly (keyof RunOptions)[] = ['signal', 'id', 'owner', 'traceparent'],
): void {
  const rules = Object.fromEntries(allowed.map((option) => [option, RUN_OPTIONS[option]]))
  check('options', options, rules)
}

/**
 * Checks the options of an adopted job; the request has its own check.
 * @throws InvalidRequestError naming every problem, among them options that the call does not take.
 */
export function checkAdoptOptions(options: AdoptOptions): void {
  check('options', options, ADOPT_OPTIONS)
}

/**
 * A query with its defaults: the newest 100 runs of every owner.
 * @throws InvalidRequestError naming every problem.
 */
export function runQueryOf(query: Partial<PipelineQuery>): RunQuery {
  check('query', query, QUERY)
  const given = Object.entries(query).filter(([, value]) => value !== undefined)
  return { order: 'newest-first', limit: 100, ...Object.fromEntries(given) }
}

/**
 * How long a closing pipeline works as before, and then waits for effects.
 * @param allowed - Names of the options that the call takes.
 * @throws InvalidRequestError naming every problem.
 */
export function closeTimesOf(
  options: CloseOptions,
  allowed: readonly (keyof CloseOptions)[] = ['graceMs', 'drainMs'],
): { readonly graceMs: number; readonly drainMs: number } {
  check('options', options, Object.fromEntries(allowed.map((option) => [option, CLOSE[option]])))
  const { graceMs = 10_000, drainMs = 0 } = options
  return { graceMs, drainMs }
}

/**
 * Maximum number of runs to recover.
 * @throws InvalidRequestError naming `limit`.
 */
export function recoverLimitOf(options: RecoverOptions): number {
  check('options', options, RECOVER)
  return options.limit ?? Number.POSITIVE_INFINITY
}

/**
 * What of a video is opened.
 * @throws InvalidRequestError naming `variant`.
 */
export function variantOf(options: OpenVideoOptions): NonNullable<OpenVideoOptions['variant']> {
  check('options', options, OPEN_VIDEO)
  return options.variant ?? 'video'
}

/** The id of a run whose caller gives none. */
export function newRunId(): string {
  return `run_${crypto.randomUUID().replaceAll('-', '')}`
}

function check<Options>(what: string, given: unknown, rules: OptionRules<Options>): void {
  const problems = problemsOfOptions(what, given, rules, '')
  if (problems.length > 0) throw new InvalidRequestError(problems)
}
