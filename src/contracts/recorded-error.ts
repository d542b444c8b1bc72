import { type ErrorCode, SoraPipelineError, type SoraPipelineErrorJson } from './errors.js'

/**
 * An error that was read back from JSON: of a run in a store, or of an event of another process. It has the code, name and facts
 * of the original and the same JSON, but not its class.
 */
export class RecordedError extends SoraPipelineError {
  override readonly name: string
  readonly code: ErrorCode
  /** Of an error with several causes. */
  declare readonly errors?: readonly RecordedError[]
  readonly #json: SoraPipelineErrorJson

  constructor(json: SoraPipelineErrorJson) {
    const { message, cause, errors, ...facts } = json
    super(message, { ...facts, ...(cause !== undefined && { cause: new RecordedError(cause) }) })
    this.name = json.name
    this.code = json.code
    this.#json = json
    if (errors !== undefined) this.errors = errors.map((error) => new RecordedError(error))
  }

  override toJSON(): SoraPipelineErrorJson {
    return this.#json
  }
}
