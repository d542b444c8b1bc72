import { checkOptions, type OptionRules } from '../contracts/check-options.js'
import type { CancelOutcome, GeneratedVideo, TaskGenerator, TaskStatus } from '../contracts/generator.js'
import type { JsonValue } from '../contracts/json.js'
import { choice, msFrom0, nested, required, rule, trueOrFalse } from '../contracts/option-rules.js'
import type { VideoRequest } from '../contracts/request.js'
import type { StageContext } from '../contracts/stage.js'
import type { SubmissionSupport } from '../contracts/submission-support.js'
import { FAKE_RULES, type FakeCall, outcomeOf, playCall, waitOnClock } from './fake-call.js'
import { FAKE_VIDEO } from './fake-generator.js'

/** Options of {@link fakeTaskGenerator}. */
export interface FakeTaskGeneratorOptions {
  /** Name of the fake. @defaultValue `'fake-task-generator'` */
  readonly name?: string | undefined
  /** Display name, in progress texts. @defaultValue `name` */
  readonly label?: string | undefined
  /**
   * What the upstream offers after a submission whose outcome is unknown.
   * @defaultValue none: such a run ends in review
   */
  readonly submission?: SubmissionSupport | undefined
  /**
   * The outcomes of the submissions, in order: `'accepted'` or an error. Further ones are accepted.
   * @defaultValue all are accepted
   */
  readonly starts?: readonly ('accepted' | Error)[] | undefined
  /**
   * The reports of the first polls of a job: a list of statuses, with errors for missed polls, or a number of
   * `running` statuses from 0 (`Infinity` for a job that never ends). After them the job is completed, unless the
   * last status of the list is terminal, which then stays.
   * @defaultValue `1`
   */
  readonly polls?: number | readonly (TaskStatus | Error)[] | undefined
  /** The video of a completed job. @defaultValue that of `fakeGenerator` */
  readonly video?: GeneratedVideo | ((request: VideoRequest | undefined) => GeneratedVideo) | undefined
  /**
   * Adds `pollMany`, which gives each job the status of its next poll, which is then over unless it is terminal; a job whose next
   * poll is missed is not listed. An error is thrown.
   * @defaultValue `false`: the generator has no `pollMany`
   */
  readonly pollMany?: boolean | Error | undefined
  /** The result of `find`. @defaultValue none: the generator has no `find` */
  readonly found?: readonly JsonValue[] | undefined
  /** The answer of `cancel`; an error is thrown. @defaultValue `'cancelled'` */
  readonly cancel?: CancelOutcome | Error | undefined
  /**
   * Time on the clock of the context that each `start`, `poll` and `pollMany` takes, in milliseconds from 0; `Infinity` waits for an
   * abort.
   * @defaultValue `0`
   */
  readonly delayMs?: number | undefined
  /** The method that settles only after an abort. @defaultValue none */
  readonly hangs?: 'start' | 'poll' | 'pollMany' | 'cancel' | undefined
}

const RULES: OptionRules<FakeTaskGeneratorOptions> = {
  name: FAKE_RULES.name,
  label: FAKE_RULES.label,
  submission: nested<SubmissionSupport>({
    idempotency: required(choice('key', 'none')),
    lookup: required(choice('key', 'fingerprint', 'none')),
    settleMs: msFrom0,
    callback: trueOrFalse,
  }),
  starts: rule(
    (value) => Array.isArray(value) && value.every((start) => start === 'accepted' || start instanceof Error),
    "give a list of 'accepted' and errors",
  ),
  polls: rule(
    (value) => Array.isArray(value) || (typeof value === 'number' && value >= 0),
    'give a list of statuses and errors, or a number from 0',
  ),
  video: rule(
    (value) => (typeof value === 'object' && value !== null) || typeof value === 'function',
    'give a video, or a function',
  ),
  pollMany: rule((value) => typeof value === 'boolean' || value instanceof Error, 'give true, false or an error'),
  found: rule(Array.isArray, 'give a list of jobs'),
  cancel: rule(
    (value) => value instanceof Error || ['cancelled', 'too-late', 'unsupported'].includes(String(value)),
    'give cancelled, too-late, unsupported or an error',
  ),
  delayMs: msFrom0,
  hangs: choice('start', 'poll', 'pollMany', 'cancel'),
}

/** A task generator that records and counts its calls. */
export interface FakeTaskGenerator extends TaskGenerator {
  /** Answers with the option `cancel`, and counts the call. */
  cancel: NonNullable<TaskGenerator['cancel']>
  /** The submissions, including failed ones. */
  readonly calls: readonly FakeCall<VideoRequest>[]
  /** How often `start` was called. */
  readonly startCount: number
  /** How often `poll` was called. */
  readonly pollCount: number
  /** How often `pollMany` was called. */
  readonly pollManyCount: number
  /** How often `find` was called. */
  readonly findCount: number
  /** How often `cancel` was called. */
  readonly cancelCount: number
}

/**
 * Creates a task generator that costs nothing. Its first job is `{ id: 'task_1' }`, the second `{ id: 'task_2' }`,
 * and so on; a second fake with the same options can continue to poll a job of the first, as after a restart. Jobs in
 * one store need distinct ids: give a second fake that starts jobs there another name.
 *
 * @example
 * ```ts
 * import { fakeTaskGenerator } from 'sora-pipeline/testing'
 *
 * const generator = fakeTaskGenerator({ polls: [{ state: 'queued' }, { state: 'running', ratio: 0.4 }] })
 * console.log(generator.startCount, generator.pollCount)
 * ```
 */
export function fakeTaskGenerator(options: FakeTaskGeneratorOptions = {}): FakeTaskGenerator {
  checkOptions('fakeTaskGenerator', options, RULES)
  const { polls = 1, video = FAKE_VIDEO, found, pollMany = false, starts = [], cancel = 'cancelled' } = options
  const calls: FakeCall<VideoRequest>[] = []
  const requests = new Map<string, VideoRequest>()
  const polled = new Map<string, number>()
  const counts = { poll: 0, pollMany: 0, find: 0, cancel: 0 }

  const completed = (job: string): TaskStatus => ({
    state: 'completed',
    video: typeof video === 'function' ? video(requests.get(job)) : video,
  })

  const statusOf = (job: string, poll: number): TaskStatus | Error => {
    if (typeof polls !== 'number') return polls[poll] ?? terminalOf(polls.at(-1)) ?? completed(job)
    if (poll >= polls) return completed(job)
    return { state: 'running', ...(Number.isFinite(polls) && { ratio: (poll + 1) / (polls + 1) }) }
  }

  const listed = (operation: JsonValue): TaskStatus | undefined => {
    const job = JSON.stringify(operation)
    const poll = polled.get(job) ?? 0
    const status = statusOf(jobIdOf(operation), poll)
    if (status instanceof Error) return undefined
    if (status.state === 'queued' || status.state === 'running') polled.set(job, poll + 1)
    return status
  }

  return {
    name: options.name ?? 'fake-task-generator',
    label: options.label,
    submission: options.submission,
    start(request, context) {
      const wait = { delayMs: options.delayMs, hangs: options.hangs === 'start' }
      const answer = (_: VideoRequest, call: number) => {
        const refusal = starts[call]
        if (refusal instanceof Error) throw refusal
        const id = `task_${call + 1}`
        requests.set(id, request)
        return { operation: { id } }
      }
      return playCall(wait, answer, calls, request, context)
    },
    async poll(operation, context) {
      context.signal.throwIfAborted()
      counts.poll += 1
      const job = JSON.stringify(operation)
      const poll = polled.get(job) ?? 0
      polled.set(job, poll + 1)
      await waitOnClock({ delayMs: options.delayMs, hangs: options.hangs === 'poll' }, context)
      return outcomeOf(statusOf(jobIdOf(operation), poll), undefined, poll)
    },
    ...(pollMany !== false && {
      async pollMany(operations: readonly JsonValue[], context: StageContext) {
        context.signal.throwIfAborted()
        counts.pollMany += 1
        await waitOnClock({ delayMs: options.delayMs, hangs: options.hangs === 'pollMany' }, context)
        if (pollMany instanceof Error) throw pollMany
        return operations.map(listed)
      },
    }),
    ...(found !== undefined && {
      async find(_request: VideoRequest, { signal }: { readonly signal: AbortSignal }) {
        signal.throwIfAborted()
        counts.find += 1
        return [...found]
      },
    }),
    async cancel(_operation, context) {
      context.signal.throwIfAborted()
      counts.cancel += 1
      await waitOnClock({ hangs: options.hangs === 'cancel' }, context)
      if (cancel instanceof Error) throw cancel
      return cancel
    },
    calls,
    get startCount() {
      return calls.length
    },
    get pollCount() {
      return counts.poll
    },
    get pollManyCount() {
      return counts.pollMany
    },
    get findCount() {
      return counts.find
    },
    get cancelCount() {
      return counts.cancel
    },
  }
}

function terminalOf(status: TaskStatus | Error | undefined): TaskStatus | undefined {
  if (status === undefined || status instanceof Error) return undefined
  return status.state === 'completed' || status.state === 'failed' ? status : undefined
}

function jobIdOf(operation: JsonValue): string {
  const id = typeof operation === 'object' && operation !== null && 'id' in operation ? operation.id : operation
  return String(id)
}
