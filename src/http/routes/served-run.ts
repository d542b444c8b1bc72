import { isSoraPipelineError } from '../../contracts/errors.js'
import type { PipelineEvent } from '../../contracts/events.js'
import { type Attempt, type PipelineResult, toResultJson } from '../../contracts/result.js'
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
  readonly #errorOf: (error: unknown) => unknown

  /** @param errorOf - Puts the error of the run into the words of the client. */
  constructor(
    run: PipelineRun,
    settings: HandlerSettings,
    origin: string,
    errorOf: (error: unknown) => unknown = (error) => error,
  ) {
    this.#errorOf = errorOf
    this.#run = run
    this.#settings = settings
    this.#origin = origin
  }

  /** Created on demand, because most streams never need it: await it at once. */
  get result(): Promise<PipelineResult> {
    return this.#run.result.catch((error: unknown) => {
      if (isSoraPipelineError(error) && error.code === 'no-usable-url') return this.#resultHere(error)
      throw this.#errorOf(error)
    })
  }

  /** The events as they are; their readers use the result in place of that of the last one. */
  [Symbol.asyncIterator](): AsyncIterator<PipelineEvent> {
    return this.#run[Symbol.asyncIterator]()
  }

  /** The events, of which the last one agrees with the result. */
  events(): AsyncIterator<PipelineEvent> {
    const events = this.#run[Symbol.asyncIterator]()
    let startedAt: number | undefined
    return {
      next: async () => {
        const step = await events.next()
        if (step.done === true) return step
        startedAt ??= step.value.at
        return { done: false, value: this.#served(step.value, startedAt) }
      },
      return: async () => (await events.return?.()) ?? { done: true, value: undefined },
    }
  }

  #served(event: PipelineEvent, startedAt: number): PipelineEvent {
    if (event.type !== 'run-failed' || event.error.code !== 'no-usable-url') return event
    const { runId, sequence, at, error } = event
    const result = this.#resultHere(error, Math.max(0, at - startedAt))
    return { type: 'run-completed', runId, sequence, at, result: toResultJson(result) }
  }

  #resultHere(error: object, durationMs = 0): PipelineResult {
    const { id: runId } = this.#run
    const url = signedContentUrl(this.#settings, this.#origin, runId)
    const video = { id: runId, url }
    const attempts = 'attempts' in error ? (error.attempts as readonly Attempt[]) : []
    const isDegraded = attempts.some(({ stage, outcome }) => stage !== 'generate' && outcome === 'failed')
    return { runId, url, servedBy: 'generator', video, attempts, isDegraded, warnings: [], durationMs }
  }
}
