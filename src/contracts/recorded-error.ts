import { type ErrorCode, SoraPipelineError, type SoraPipelineErrorJson } from './errors.js'

/**
 * An error that was read back from its JSON form: of a run in a store, or of an event from elsewhere. It has the code, the
 * name and the facts of the first one and gives back the same JSON, but not its class.
 */
export class RecordedError extends SoraPipelineError {
  override readonly name: string
  readonly code: ErrorCode
  /** Of an error that several errors led to. */
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
