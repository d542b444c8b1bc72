import type { Clock } from '../../contracts/clock.js'
import type { PipelineEvent } from '../../contracts/events.js'
import { RecordedError } from '../../contracts/recorded-error.js'
import { toOpenAiError } from '../../openai/to-openai-error.js'
import type { RunRecord } from '../../pipeline/run-record.js'
import type { Call } from '../call.js'
import type { VideoRunner } from '../video-runner.js'
import { signedContentUrl } from './content-url.js'
import { EVENT_STREAM_HEADERS } from './event-stream.js'
import { servedRun } from './served-run.js'

const KEEP_ALIVE = ': keep-alive\n\n'

/**
 * `GET /videos/{id}/events`: the typed events of a run as server-sent events, each with its `type` as the name and an
 * id. A client that reconnects with the last id as `Last-Event-ID` gets the events after it; if another process has
 * taken over the run since, its events start from the beginning. The stream ends after the last event. A later
 * request is answered 204, which ends an `EventSource`.
 *
 * When this process stops working on a run that continues in another one, as before a deploy, the stream ends without
 * a last event: the client reconnects and gets the rest from the next process.
 */
export function streamEvents({ request, runner, settings, heartbeatClock }: Call, record: RunRecord): Response {
  const lastId = request.headers.get('last-event-id') ?? ''
  if (record.status !== 'running' && lastId.endsWith(END)) return new Response(null, { status: 204 })
  const run = servedRun(runner.resume(record.id), () => signedContentUrl(settings, request, record.id))
  const events = run[Symbol.asyncIterator]()
  const { heartbeatMs } = settings
  return new Response(
    framed(events, {
      lastId,
      heartbeatMs: heartbeatMs || Number.POSITIVE_INFINITY,
      clock: heartbeatClock,
      isRunning: () => isRunning(runner, record.id),
    }),
    {
      headers: EVENT_STREAM_HEADERS,
    },
  )
}

const END = '-end'

interface Framing {
  readonly lastId: string
  readonly heartbeatMs: number
  readonly clock: Clock
  /** Whether the run is unfinished in the store. */
  readonly isRunning: () => Promise<boolean>
}

/** Pulled by the reader: nothing is read ahead, so that progress is coalesced for a slow one. */
function framed(
  events: AsyncIterator<PipelineEvent>,
  { lastId, heartbeatMs, clock, isRunning }: Framing,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder()
  const end = new AbortController()
  let sequenceId: string | undefined
  let isOpen = false
  let pending: Promise<IteratorResult<PipelineEvent>> | undefined
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const send = (text: string) => controller.enqueue(encoder.encode(text))
        if (!isOpen) {
          isOpen = true
          return send(KEEP_ALIVE)
        }
        for (;;) {
          pending ??= events.next()
          const step = await silence(pending, heartbeatMs, clock, end.signal)
          if (end.signal.aborted) return
          if (step === 'silent') return send(KEEP_ALIVE)
          pending = undefined
          if (step.done === true) {
            end.abort()
            return controller.close()
          }
          const event = step.value
          if (isLeft(event) && (await isRunning())) {
            end.abort()
            return controller.close()
          }
          // Identifies the sequence of events: another process has its own, with its own numbers.
          sequenceId ??= event.at.toString(36)
          if (event.sequence > seenOf(lastId, sequenceId)) return send(frame(forClients(event), sequenceId))
        }
      },
      async cancel() {
        end.abort()
        await events.return?.()
      },
    },
    { highWaterMark: 0 },
  )
}

/** An event without the messages of a store that failed: they name directories and servers. */
function forClients(event: PipelineEvent): PipelineEvent {
  if (event.type === 'warning' && event.code === 'store-unavailable') {
    return { ...event, message: 'Could not save or read the run, the store of this server failed' }
  }
  if (event.type !== 'run-failed' || event.error.reason === undefined) return event
  const { reason: _reason, cause: _cause, ...error } = event.error
  return { ...event, error: { ...error, message: toOpenAiError(new RecordedError(event.error)).body.error.message } }
}

/** Whether this process has stopped, rather than the run. */
function isLeft(event: PipelineEvent): boolean {
  if (event.type !== 'run-failed') return false
  const { code, isRetryable } = event.error
  return code === 'run-fenced' || (code === 'run-state' && isRetryable)
}

// A store that does not answer leaves the state open; the client reconnects.
async function isRunning(runner: VideoRunner, id: string): Promise<boolean> {
  const record = await runner.get(id).catch(() => undefined)
  return record === undefined || record.status === 'running'
}

async function silence<T>(pending: Promise<T>, ms: number, clock: Clock, signal: AbortSignal): Promise<T | 'silent'> {
  const beat = new AbortController()
  const stop = () => beat.abort()
  signal.addEventListener('abort', stop, { once: true })
  const silent = clock.sleep(ms, { signal: beat.signal }).then(() => 'silent' as const)
  silent.catch(() => undefined) // An event came in time, or the reader left.
  try {
    return await Promise.race([pending, silent])
  } catch (error) {
    if (signal.aborted) return 'silent'
    throw error
  } finally {
    signal.removeEventListener('abort', stop)
    beat.abort()
  }
}

// The id and the type have a fixed alphabet, and JSON has no raw line end: no text can break out of its frame.
function frame(event: PipelineEvent, sequenceId: string): string {
  const isLast = event.type === 'run-completed' || event.type === 'run-failed'
  const id = `${sequenceId}-${event.sequence}${isLast ? END : ''}`
  return `id: ${id}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`
}

function seenOf(lastId: string, sequenceId: string): number {
  const [, of, sequence] = /^([0-9a-z]+)-(\d{1,15})(?:-end)?$/.exec(lastId) ?? []
  return of === sequenceId ? Number(sequence) : -1
}
