import { isSoraPipelineError } from '../../contracts/errors.js'
import type { PipelineEvent } from '../../contracts/events.js'
import { type PipelineResult, toResultJson } from '../../contracts/result.js'
import type { FormattableRun } from '../../openai/formattable-run.js'
import type { PipelineRun } from '../../pipeline/pipeline-run.js'
import type { HandlerSettings } from '../handler-settings.js'
import { signedContentUrl } from './content-url.js'

/**
 * A run as the clients of a backend see it: if the video needs the generator's key and was not uploaded, the run still
 * completes, with a URL of this server.
 */
export class ServedRun implements FormattableRun {
  readonly #run: PipelineRun
  readonly #settings: HandlerSettings
  readonly #origin: string

  constructor(run: PipelineRun, settings: HandlerSettings, origin: string) {
    this.#run = run
    this.#settings = settings
    this.#origin = origin
  }

  /** Created on demand, because most streams never need it: await it at once. */
  get result(): Promise<PipelineResult> {
    return this.#run.result.catch((error: unknown) => {
      if (isSoraPipelineError(error) && error.code === 'no-usable-url') return this.#resultHere()
      throw error
    })
  }

  /** The events as they are; their readers use the result in place of that of the last one. */
  [Symbol.asyncIterator](): AsyncIterator<PipelineEvent> {
    return this.#run[Symbol.asyncIterator]()
  }

  /** The events, of which the last one agrees with the result. */
  events(): AsyncIterator<PipelineEvent> {
    const events = this.#run[Symbol.asyncIterator]()
    return {
      next: async () => {
        const step = await events.next()
        return step.done === true ? step : { done: false, value: this.#served(step.value) }
      },
      return: async () => (await events.return?.()) ?? { done: true, value: undefined },
    }
  }

  #served(event: PipelineEvent): PipelineEvent {
    if (event.type !== 'run-failed' || event.error.code !== 'no-usable-url') return event
    const { runId, sequence, at } = event
    return { type: 'run-completed', runId, sequence, at, result: toResultJson(this.#resultHere()) }
  }

  #resultHere(): PipelineResult {
    const { id: runId } = this.#run
    const url = signedContentUrl(this.#settings, this.#origin, runId)
    const video = { id: runId, url }
    return { runId, url, servedBy: 'generator', video, attempts: [], isDegraded: true, warnings: [], durationMs: 0 }
  }
}
