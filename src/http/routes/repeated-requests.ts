import { hash } from 'node:crypto'
import type { Clock } from '../../contracts/clock.js'
import type { VideoRequest } from '../../contracts/request.js'
import { toOpenAiError } from '../../openai/to-openai-error.js'
import type { RunRecord } from '../../pipeline/run-record.js'
import type { HeaderLookup, Incoming } from '../incoming.js'
import type { OtherFields } from '../requests/other-fields.js'
import { formerRuns } from './former-runs.js'

/**
 * Requests that clients retry automatically. The official clients mark a retry (`x-stainless-retry-count`) and can be
 * configured not to; others, such as the AI SDK and LangChain, retry on every 5xx whatever the answer says, and all
 * do after a cut connection. None of them sends an idempotency key, so a retry is recognised by its content.
 */
export interface RepeatedRequests {
  /**
   * The run of an earlier identical request whose sender cannot know the outcome: it disconnected before the answer,
   * or the answer was that a job may have been paid.
   */
  find(call: RepeatableCall): string | undefined
  /**
   * The run of an earlier identical request, however it was answered, that has failed without proof that there is no video: its
   * job is paid.
   */
  findPaid(call: RepeatableCall, get: (id: string) => Promise<RunRecord | undefined>): Promise<string | undefined>
  /** Notes the run of a request, until it is answered. */
  begin(request: Incoming, call: RepeatableCall, runId: string): void
  /**
   * Notes that a request was answered, failed with `error`, or lost its sender. Gives its state, `undefined` if its run may not be
   * joined.
   * @param isCut - Whether it lost its sender; by default where it failed after its signal was aborted.
   */
  end(request: Incoming, error?: unknown, isCut?: boolean): Begun['state'] | undefined
  /** The same for later, without the request, which an open stream must not hold. */
  ending(request: Incoming): (error: unknown, isCut: boolean) => Begun['state'] | undefined
}

/** The properties that make two requests identical. */
export interface RepeatableCall {
  readonly owner: string
  readonly route: string
  readonly video: VideoRequest
  readonly otherFields: OtherFields
  readonly headers: HeaderLookup
  /** Whether its run is cancelled when its sender disconnects, so that it cannot be joined. */
  readonly endsWithSender: boolean
}

/** A request that began or joined a run. */
export interface Begun {
  readonly key: string
  readonly runId: string
  readonly endsWithSender: boolean
  readonly at: number
  /** `given`: an answer was sent, a stream to its end. `unheard`: the sender disconnected before it. `unclear`: a job may have been paid. */
  readonly state: 'waiting' | 'given' | 'unheard' | 'unclear'
}

const MOST_KEPT = 10_000
/** Codes of answers about a run whose job may have been accepted, or may still be running. */
const UNCLEAR = new Set(['submission_unknown', 'timeout', 'store_unavailable', 'run_continues'])

/** Keeps requests in memory, for `windowMs` after they were answered or abandoned; 0 disables it. */
export function repeatedRequests({
  windowMs,
  clock,
}: {
  readonly windowMs: number
  readonly clock: Clock
}): RepeatedRequests {
  // The oldest is at the beginning.
  const byRun = new Map<string, Begun>()
  // The runs whose sender cannot know the outcome, by key: there are few, and every request is looked for among them.
  const uncertain = new Map<string, Set<string>>()
  const underWay = new WeakMap<Incoming, Begun>()
  const former = formerRuns({ windowMs, clock })

  const forget = (runId: string) => {
    const key = byRun.get(runId)?.key ?? ''
    byRun.delete(runId)
    const runs = uncertain.get(key)
    runs?.delete(runId)
    if (runs?.size === 0) uncertain.delete(key)
  }
  const forgetOld = () => {
    for (const [oldest, { at }] of byRun) {
      if (byRun.size <= MOST_KEPT && at + windowMs > clock.now()) break
      forget(oldest)
    }
  }
  const keep = (begun: Begun) => {
    const { key, runId, state } = begun
    forget(runId)
    byRun.set(runId, begun)
    if (state === 'unheard' || state === 'unclear') uncertain.set(key, (uncertain.get(key) ?? new Set()).add(runId))
    forgetOld()
  }
  const oldestOf = (runs: Iterable<string>, key: string, state: Begun['state']): string | undefined => {
    for (const runId of runs) {
      const begun = byRun.get(runId)
      if (begun?.state === state && begun.key === key) return runId
    }
    return undefined
  }

  const ended = (begun: Begun | undefined, error: unknown, isCut: boolean) => {
    if (begun === undefined) return undefined
    if (error !== undefined && !isCut) former.fail(begun.runId)
    const state = stateAfter(begun, error, isCut)
    if (state === undefined) forget(begun.runId)
    else keep({ ...begun, at: clock.now(), state })
    return state
  }

  return {
    find(call) {
      const key = keyOf(call)
      forgetOld()
      const runs = uncertain.get(key) ?? []
      const lost = oldestOf(runs, key, 'unheard') ?? oldestOf(runs, key, 'unclear')
      if (lost !== undefined || !isMarkedRetry(call)) return lost
      return oldestOf(byRun.keys(), key, 'waiting') ?? oldestOf(byRun.keys(), key, 'given')
    },
    findPaid: (call, get) => former.findPaid(keyOf(call), get),
    begin(request, call, runId) {
      const { endsWithSender } = call
      former.note(keyOf(call), runId)
      const begun = { key: keyOf(call), runId, endsWithSender, at: clock.now(), state: 'waiting' } as const
      underWay.set(request, begun)
      keep(begun)
    },
    end: (request, error, isCut = error !== undefined && request.signal.aborted) =>
      ended(underWay.get(request), error, isCut),
    ending(request) {
      const begun = underWay.get(request)
      return (error, isCut) => ended(begun, error, isCut)
    },
  }
}

function stateAfter({ endsWithSender }: Begun, error: unknown, isCut: boolean): Begun['state'] | undefined {
  if (isCut) return endsWithSender ? undefined : 'unheard'
  if (error === undefined) return 'given'
  // A client that was answered that there is no video may request another one.
  return UNCLEAR.has(toOpenAiError(error).body.error.code) ? 'unclear' : undefined
}

/** Whether the client reports that it sends the request again. */
export function isMarkedRetry({ headers }: RepeatableCall): boolean {
  return Number(headers.get('x-stainless-retry-count')) > 0
}

const keys = new WeakMap<RepeatableCall, string>()

/** The same text for identical requests. */
export function keyOf(call: RepeatableCall): string {
  const known = keys.get(call)
  if (known !== undefined) return known
  const { owner, route, video, otherFields } = call
  // A call for each value is most of the cost of a small request.
  const isSmall = Object.keys(otherFields).length === 0 && Object.values(video).every(isShort)
  const text = JSON.stringify([owner, route, video, otherFields], isSmall ? undefined : hashed)
  const key = hash('sha256', text, 'base64url')
  keys.set(call, key)
  return key
}

const LONG = 65_536

function isShort(value: unknown): boolean {
  return typeof value === 'string' ? value.length <= LONG : typeof value !== 'object'
}

// The bytes of a file and long texts, such as an image in base64, hashed: they are not copied.
function hashed(_: string, value: unknown): unknown {
  const isLong = value instanceof Uint8Array || (typeof value === 'string' && value.length > LONG)
  return isLong ? { sha256: hash('sha256', value, 'base64url') } : value
}
