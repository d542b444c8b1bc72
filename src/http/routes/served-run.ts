import { isSoraPipelineError } from '../../contracts/errors.js'
import type { PipelineEvent } from '../../contracts/events.js'
import { type PipelineResult, toResultJson } from '../../contracts/result.js'
import type { FormattableRun } from '../../openai/formattable-run.js'
import type { PipelineRun } from '../../pipeline/pipeline-run.js'

/**
 * A run as the clients of a backend see it: if the video needs the generator's key and was not uploaded, the run
 * still completes, with a URL of this server.
 */
export function servedRun(
  run: PipelineRun,
  urlOfServer: () => string,
): FormattableRun & { result: Promise<PipelineResult> } {
  const served = (): PipelineResult => ({
    runId: run.id,
    url: urlOfServer(),
    servedBy: 'generator',
    video: { id: run.id, url: urlOfServer() },
    attempts: [],
    isDegraded: true,
    warnings: [],
    durationMs: 0,
  })
  const result = run.result.catch((error: unknown) => {
    if (isSoraPipelineError(error) && error.code === 'no-usable-url') return served()
    throw error
  })
  result.catch(() => undefined) // Its readers still get the rejection.
  const toServed = (event: PipelineEvent): PipelineEvent => {
    if (event.type !== 'run-failed' || event.error.code !== 'no-usable-url') return event
    const { runId, sequence, at } = event
    return { type: 'run-completed', runId, sequence, at, result: toResultJson(served()) }
  }
  return {
    result,
    [Symbol.asyncIterator]() {
      const events = run[Symbol.asyncIterator]()
      return {
        async next() {
          const step = await events.next()
          return step.done === true ? step : { done: false, value: toServed(step.value) }
        },
        return: async () => (await events.return?.()) ?? { done: true, value: undefined },
      }
    },
  }
}
