import { isSoraPipelineError } from '../../contracts/errors.js'
import type { PipelineEvent } from '../../contracts/events.js'
import { type PipelineResult, toResultJson } from '../../contracts/result.js'
import type { PipelineRun } from '../../pipeline/pipeline-run.js'

/**
 * The result of a run as the clients of a backend see it: if the video needs the generator's key and was not uploaded,
 * the run still completes, with a URL of this server.
 */
export function servedResult(
  { id, result }: PipelineRun,
  urlOfServer: (id: string) => string,
): Promise<PipelineResult> {
  const served = result.catch((error: unknown) => {
    if (isSoraPipelineError(error) && error.code === 'no-usable-url') return resultAt(id, urlOfServer(id))
    throw error
  })
  served.catch(() => undefined) // Its readers still get the rejection.
  return served
}

/** The events of a run as the clients of a backend see them: the last one agrees with {@link servedResult}. */
export function servedEvents(run: PipelineRun, urlOfServer: (id: string) => string): AsyncIterator<PipelineEvent> {
  const events = run[Symbol.asyncIterator]()
  return {
    async next() {
      const step = await events.next()
      return step.done === true ? step : { done: false, value: servedEvent(step.value, urlOfServer) }
    },
    return: async () => (await events.return?.()) ?? { done: true, value: undefined },
  }
}

function servedEvent(event: PipelineEvent, urlOfServer: (id: string) => string): PipelineEvent {
  if (event.type !== 'run-failed' || event.error.code !== 'no-usable-url') return event
  const { runId, sequence, at } = event
  return { type: 'run-completed', runId, sequence, at, result: toResultJson(resultAt(runId, urlOfServer(runId))) }
}

function resultAt(runId: string, url: string): PipelineResult {
  const video = { id: runId, url }
  return { runId, url, servedBy: 'generator', video, attempts: [], isDegraded: true, warnings: [], durationMs: 0 }
}
