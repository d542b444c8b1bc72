import type { Clock } from '../../contracts/clock.js'
import type { PipelineEvent } from '../../contracts/events.js'
import type { RunRecord } from '../../pipeline/run-record.js'
import type { Call } from '../call.js'
import type { VideoRunner } from '../video-runner.js'
import { signedContentUrl } from './content-url.js'
import { EVENT_STREAM_HEADERS } from './event-stream.js'
import { servedRun } from './served-run.js'

const KEEP_ALIVE = ': keep-alive\n\n'

/**
 * `GET /videos/{id}/events`: the typed events of a run as server-sent events, each with its `type` as the name and an id. Who comes
 * again with the last id as `Last-Event-ID` gets those after it; when another process has taken the run up since, its events begin
 * anew. After the last event the stream ends, and who comes again then is answered 204, which ends an `EventSource`.
 *
 * When this process stops working on a run that continues in another one, as before a deploy, the stream ends without a last event: the
 * client comes again, and has the rest from the next process.
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
  /** Whether the store has the run as one that has not ended. */
  readonly isRunning: () => Promise<boolean>
}

/** Pulled: nothing is read ahead of the reader, so that progress is coalesced while it is slow. */
function framed(
  events: AsyncIterator<PipelineEvent>,
  { lastId, heartbeatMs, clock, isRunning }: Framing,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder()
  const end = new AbortController()
  let telling: string | undefined
  let isOpen = false
  let asked: Promise<IteratorResult<PipelineEvent>> | undefined
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const send = (text: string) => controller.enqueue(encoder.encode(text))
        if (!isOpen) {
          isOpen = true
          return send(KEEP_ALIVE)
        }
        for (;;) {
          asked ??= events.next()
          const step = await silence(asked, heartbeatMs, clock, end.signal)
          if (end.signal.aborted) return
          if (step === 'silent') return send(KEEP_ALIVE)
          asked = undefined
          if (step.done === true) {
            end.abort()
            return controller.close()
          }
          const event = step.value
          if (isLeft(event) && (await isRunning())) {
            end.abort()
            return controller.close()
          }
          // Which telling of the run it is: another process has one of its own, with numbers of its own.
          telling ??= event.at.toString(36)
          if (event.sequence > seenOf(lastId, telling)) return send(frame(event, telling))
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

/** Whether it is this process that has stopped, rather than the run. */
function isLeft(event: PipelineEvent): boolean {
  if (event.type !== 'run-failed') return false
  const { code, isRetryable } = event.error
  return code === 'run-fenced' || (code === 'run-state' && isRetryable)
}

// A store that does not answer says nothing of the run, whose client asks again.
async function isRunning(runner: VideoRunner, id: string): Promise<boolean> {
  const record = await runner.get(id).catch(() => undefined)
  return record === undefined || record.status === 'running'
}

async function silence<T>(asked: Promise<T>, ms: number, clock: Clock, signal: AbortSignal): Promise<T | 'silent'> {
  const beat = new AbortController()
  const stop = () => beat.abort()
  signal.addEventListener('abort', stop, { once: true })
  const silent = clock.sleep(ms, { signal: beat.signal }).then(() => 'silent' as const)
  silent.catch(() => undefined) // Something was said in time, or the reader left.
  try {
    return await Promise.race([asked, silent])
  } catch (error) {
    if (signal.aborted) return 'silent'
    throw error
  } finally {
    signal.removeEventListener('abort', stop)
    beat.abort()
  }
}

// The id and the type are of a fixed alphabet, and JSON has no raw line end: no text can break out of its frame.
function frame(event: PipelineEvent, telling: string): string {
  const isLast = event.type === 'run-completed' || event.type === 'run-failed'
  const id = `${telling}-${event.sequence}${isLast ? END : ''}`
  return `id: ${id}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`
}

function seenOf(lastId: string, telling: string): number {
  const [, of, sequence] = /^([0-9a-z]+)-(\d{1,15})(?:-end)?$/.exec(lastId) ?? []
  return of === telling ? Number(sequence) : -1
}
