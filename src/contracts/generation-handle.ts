import type { JsonValue } from './json.js'

/** JSON without secrets that is enough for another process to pick the job up. */
export type GenerationHandle = {
  /** Name of the generator. */
  readonly generator: string
  readonly operation: JsonValue
  /** Epoch milliseconds. */
  readonly startedAt: number
}
