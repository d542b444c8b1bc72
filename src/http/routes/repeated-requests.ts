import { createHash } from 'node:crypto'
import type { Clock } from '../../contracts/clock.js'
import type { VideoRequest } from '../../contracts/request.js'
import { toOpenAiError } from '../../openai/to-openai-error.js'
import { identityOf } from '../../pipeline/state/run-state.js'
import type { OtherFields } from '../requests/other-fields.js'

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
  /** Notes the run of a request, until it is answered. */
  begin(request: Request, call: RepeatableCall, runId: string): void
  /** Notes that a request was answered, failed, or lost its sender; `error` for the latter two. */
  end(request: Request, error?: unknown): void
}

/** The properties that make two requests identical. */
export interface RepeatableCall {
  readonly owner: string
  readonly route: string
  readonly video: VideoRequest
  readonly otherFields: OtherFields
  readonly headers: Headers
  /** Whether its run is cancelled when its sender disconnects, so that it cannot be joined. */
  readonly endsWithSender: boolean
}

interface Begun {
  readonly key: string
  readonly runId: string
  readonly endsWithSender: boolean
  readonly at: number
  /** `given`: an answer was sent. `unheard`: the sender disconnected before it. `unclear`: a job may have been paid. */
  readonly state: 'waiting' | 'given' | 'unheard' | 'unclear'
}

const MOST_KEPT = 10_000
/** Codes of answers about a run whose job may have been accepted, or may still be running. */
const UNCLEAR = new Set(['submission_unknown', 'timeout', 'store_unavailable'])

/** Keeps requests in memory, for `windowMs` after they were answered or abandoned; 0 disables it. */
export function repeatedRequests({
  windowMs,
  clock,
}: {
  readonly windowMs: number
  readonly clock: Clock
}): RepeatedRequests {
  const byRun = new Map<string, Begun>()
  const underWay = new WeakMap<Request, Begun>()

  // The newest is at the end of the map.
  const keep = (begun: Begun) => {
    byRun.delete(begun.runId)
    byRun.set(begun.runId, begun)
    for (const [runId, { at }] of byRun) {
      if (byRun.size <= MOST_KEPT && at + windowMs > clock.now()) break
      byRun.delete(runId)
    }
  }

  return {
    find(call) {
      const key = keyOf(call)
      const isSaid = Number(call.headers.get('x-stainless-retry-count')) > 0
      const same = [...byRun.values()].filter((one) => one.key === key && one.at + windowMs > clock.now())
      const wanted: readonly Begun['state'][] = [
        'unheard',
        'unclear',
        ...(isSaid ? (['waiting', 'given'] as const) : []),
      ]
      return wanted.flatMap((state) => same.filter((one) => one.state === state))[0]?.runId
    },
    begin(request, call, runId) {
      const { endsWithSender } = call
      const begun = { key: keyOf(call), runId, endsWithSender, at: clock.now(), state: 'waiting' } as const
      underWay.set(request, begun)
      keep(begun)
    },
    end(request, error) {
      const begun = underWay.get(request)
      if (begun === undefined) return
      const state = stateAfter(request, begun, error)
      if (state === undefined) byRun.delete(begun.runId)
      else keep({ ...begun, at: clock.now(), state })
    },
  }
}

function stateAfter({ signal }: Request, { endsWithSender }: Begun, error: unknown): Begun['state'] | undefined {
  if (error === undefined) return 'given'
  if (signal.aborted) return endsWithSender ? undefined : 'unheard'
  // A client that was answered that there is no video may request another one.
  return UNCLEAR.has(toOpenAiError(error).body.error.code) ? 'unclear' : undefined
}

function keyOf({ owner, route, video, otherFields }: RepeatableCall): string {
  const { fingerprint } = identityOf(video, owner)
  return createHash('sha256')
    .update(JSON.stringify([owner, route, fingerprint, otherFields], hashed))
    .digest('base64url')
}

// The bytes of a file, hashed.
function hashed(_: string, value: unknown): unknown {
  return value instanceof Uint8Array ? createHash('sha256').update(value).digest('base64url') : value
}
