import { type ErrorCode, SoraPipelineError, type SoraPipelineErrorJson } from './errors.js'
import type { JsonObject } from './json.js'

/** An error that was read back from its JSON form: of a run in a store, or of an event from elsewhere. */
export class RecordedError extends SoraPipelineError {
  readonly name: string
  readonly code: ErrorCode
  readonly #json: SoraPipelineErrorJson

  constructor(json: SoraPipelineErrorJson) {
    const { cause, ...place } = json
    super(json.message, cause === undefined ? place : { ...place, cause: new RecordedError(cause) })
    this.name = json.name
    this.code = json.code
    this.#json = json
  }

  protected override details(): JsonObject {
    const { errors, problems, status, url, retryAfterMs } = this.#json
    return Object.fromEntries(
      Object.entries({ errors, problems, status, url, retryAfterMs }).filter(([, value]) => value !== undefined),
    )
  }
}
