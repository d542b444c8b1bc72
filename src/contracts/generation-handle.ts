import type { JsonValue } from './json.js'

/** JSON without secrets that is enough for another process to pick the job up. */
export type GenerationHandle = {
  /** Name of the generator. */
  readonly generator: string
  /** What the job belongs to, when the generator says so: `TaskGenerator.upstream`. */
  readonly upstream?: string
  /** The job in the form of its generator, such as `{ id: 'video_123' }`. */
  readonly operation: JsonValue
  /** When it was submitted, in epoch milliseconds. */
  readonly startedAt: number
}
