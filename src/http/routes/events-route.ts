import type { Clock } from '../../contracts/clock.js'
import type { PipelineEvent } from '../../contracts/events.js'
import { RecordedError } from '../../contracts/recorded-error.js'
import { PacedSteps, readNext, type StepTaker, type Waiter } from '../../openai/paced-steps.js'
import type { SseSink, SseSource } from '../../openai/sse-source.js'
import { toOpenAiError } from '../../openai/to-openai-error.js'
import type { RunRecord } from '../../pipeline/run-record.js'
import type { Call } from '../call.js'
import { PlainAnswer } from '../plain-answer.js'
import type { VideoRunner } from '../video-runner.js'
import { EVENT_STREAM_HEADERS } from './event-stream.js'
import { ServedRun } from './served-run.js'

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
export function streamEvents({ request, url, runner, settings }: Call, record: RunRecord): PlainAnswer {
  const lastId = request.headers.get('last-event-id') ?? ''
  if (record.status !== 'running' && lastId.endsWith(END)) return new PlainAnswer(204, {})
  const { heartbeatMs, clock } = settings
  const source = new EventSource({
    events: new ServedRun(runner.resume(record.id), settings, url.origin).events(),
    lastId,
    heartbeatMs: heartbeatMs || Number.POSITIVE_INFINITY,
    clock,
    isRunning: () => isRunning(runner, record.id),
  })
  return new PlainAnswer(200, EVENT_STREAM_HEADERS, source)
}

const END = '-end'

interface Framing {
  readonly events: AsyncIterator<PipelineEvent>
  readonly lastId: string
  readonly heartbeatMs: number
  readonly clock: Clock
  /** Whether the run is unfinished in the store. */
  readonly isRunning: () => Promise<boolean>
}

/** Pulled by the reader: nothing is read ahead, so that progress is coalesced for a slow one. */
class EventSource implements SseSource, Waiter<PipelineEvent> {
  readonly #framing: Framing
  readonly #steps: PacedSteps<PipelineEvent>
  #sink: SseSink | undefined
  #sequenceId: string | undefined
  #isOpen = false

  constructor(framing: Framing) {
    const { events, heartbeatMs: everyMs, clock } = framing
    this.#framing = framing
    const steps = { read: (taker: StepTaker<PipelineEvent>) => readNext(() => events.next(), taker) }
    this.#steps = new PacedSteps(steps, { everyMs, clock }, this)
  }

  pull(sink: SseSink): void {
    this.#sink = sink
    if (this.#isOpen) this.#steps.wait()
    else {
      this.#isOpen = true
      this.#give(KEEP_ALIVE)
    }
  }

  cancel(): void {
    this.#sink = undefined
    this.#steps.end()
    const { events } = this.#framing
    const stop = async () => events.return?.()
    // Its failure has no reader left.
    stop().catch(() => undefined)
  }

  onStep({ done, value: event }: IteratorResult<PipelineEvent, unknown>): void {
    if (done === true) this.#end()
    else if (isLeft(event)) void this.#giveUnlessRunning(event)
    else this.#giveEvent(event)
  }

  onFailure(error: unknown): void {
    this.#steps.end()
    this.#sink?.fail(error)
  }

  onSilence(): void {
    this.#give(KEEP_ALIVE)
  }

  async #giveUnlessRunning(event: PipelineEvent): Promise<void> {
    if (await this.#framing.isRunning()) this.#end()
    else this.#giveEvent(event)
  }

  #giveEvent(event: PipelineEvent): void {
    // Identifies the sequence of events: another process has its own, with its own numbers.
    this.#sequenceId ??= event.at.toString(36)
    if (event.sequence > seenOf(this.#framing.lastId, this.#sequenceId)) this.#give(frame(event, this.#sequenceId))
    else this.#steps.wait()
  }

  #give(text: string): void {
    this.#steps.sent()
    this.#sink?.take(text, false)
  }

  #end(): void {
    this.#steps.end()
    this.#sink?.take('', true)
  }
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

// The last frame that was made: of many readers of a run, each gets the same one.
let latest: { readonly event: PipelineEvent; readonly sequenceId: string; readonly frame: string } | undefined

// The id and the type have a fixed alphabet, and JSON has no raw line end: no text can break out of its frame.
function frame(event: PipelineEvent, sequenceId: string): string {
  if (latest?.event === event && latest.sequenceId === sequenceId) return latest.frame
  const isLast = event.type === 'run-completed' || event.type === 'run-failed'
  const id = `${sequenceId}-${event.sequence}${isLast ? END : ''}`
  const text = `id: ${id}\nevent: ${event.type}\ndata: ${JSON.stringify(forClients(event))}\n\n`
  latest = { event, sequenceId, frame: text }
  return text
}

function seenOf(lastId: string, sequenceId: string): number {
  const [, of, sequence] = /^([0-9a-z]+)-(\d{1,15})(?:-end)?$/.exec(lastId) ?? []
  return of === sequenceId ? Number(sequence) : -1
}
