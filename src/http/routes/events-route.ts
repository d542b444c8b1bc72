import { EventFrames, isLastId } from '../../openai/event-frames.js'
import type { RunRecord } from '../../pipeline/run-record.js'
import type { Call } from '../call.js'
import { PlainAnswer } from '../plain-answer.js'
import type { VideoRunner } from '../video-runner.js'
import { EVENT_STREAM_HEADERS } from './event-stream.js'
import { ServedRun } from './served-run.js'

/**
 * `GET /videos/{id}/events`: the typed events of a run as server-sent events, each with its `type` as the name and an
 * id. A client that reconnects with the last id as `Last-Event-ID` gets the events after it; if another process has
 * taken over the run since, and the store has no event log, its events start from the beginning. The stream ends after the last event. A later
 * request is answered 204, which ends an `EventSource`.
 *
 * When this process stops working on a run that continues in another one, as before a deploy, the stream ends without
 * a last event: the client reconnects and gets the rest from the next process.
 */
export function streamEvents({ request, url, runner, settings }: Call, record: RunRecord): PlainAnswer {
  const lastId = request.headers.get('last-event-id') ?? ''
  if (record.status !== 'running' && isLastId(lastId)) return new PlainAnswer(204, {})
  const { heartbeatMs, clock } = settings
  const source = new EventFrames({
    events: new ServedRun(runner.resume(record.id), settings, url.origin).events(),
    lastId,
    heartbeatMs: heartbeatMs || Number.POSITIVE_INFINITY,
    clock,
    isRunning: () => isRunning(runner, record.id),
  })
  return new PlainAnswer(200, EVENT_STREAM_HEADERS, source)
}

// A store that does not answer leaves the state open; the client reconnects.
async function isRunning(runner: VideoRunner, id: string): Promise<boolean> {
  const record = await runner.get(id).catch(() => undefined)
  return record === undefined || record.status === 'running'
}
