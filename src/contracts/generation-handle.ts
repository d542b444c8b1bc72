import type { JsonValue } from './json.js'

/** JSON without secrets that lets another process resume the job. */
export type GenerationHandle = {
  /** Name of the generator. */
  readonly generator: string
  /** The upstream of the job: `TaskGenerator.upstream`, if the generator has one. */
  readonly upstream?: string
  /** The job in the form of its generator, such as `{ id: 'video_123' }`. */
  readonly operation: JsonValue
  /** When it was submitted, in epoch milliseconds. */
  readonly startedAt: number
}
