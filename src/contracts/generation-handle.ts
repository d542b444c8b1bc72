import type { JsonValue } from './json.js'

/** JSON without secrets that is enough for another process to pick the job up. */
export type GenerationHandle = {
  /** Name of the generator. */
  readonly generator: string
  /** What the job belongs to, when the generator says so: `TaskGenerator.upstream`. */
  readonly upstream?: string
  readonly operation: JsonValue
  /** Epoch milliseconds. */
  readonly startedAt: number
}
