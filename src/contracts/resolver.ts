import type { Diagnosable } from './diagnosis.js'
import type { GeneratedVideo } from './generator.js'
import type { Publication } from './publisher.js'
import type { StageContext } from './stage.js'

/**
 * Finds a public URL for a generated, possibly published video.
 *
 * @example
 * ```ts
 * import type { Resolver } from 'sora-pipeline'
 *
 * const resolver: Resolver = {
 *   name: 'mirror',
 *   resolve: async ({ publication }) => ({ url: `https://cdn.example/${publication?.id}.mp4` }),
 * }
 * console.log(resolver.name)
 * ```
 */
export interface Resolver extends Diagnosable {
  /** Name in events and messages. */
  readonly name: string
  /** Label in progress texts; the name is used without one. */
  readonly label?: string | undefined
  /** Finds a public URL of the video. */
  resolve(input: ResolveInput, context: StageContext): Promise<ResolvedVideo>
}

/** Input of a resolver. `publication` is absent without a publisher, or when publishing failed. */
export interface ResolveInput {
  /** The generated video. */
  readonly video: GeneratedVideo
  /** The post, if there is one. */
  readonly publication?: Publication | undefined
}

/** A public URL of the video and facts about it. */
export interface ResolvedVideo {
  /** The public URL. */
  readonly url: string
  /** Media type of the video, such as `video/mp4`. */
  readonly mediaType?: string | undefined
  /** Length in bytes, if the resolver knows it. */
  readonly byteLength?: number | undefined
  /** Epoch milliseconds after which the URL may stop working. */
  readonly expiresAt?: number | undefined
}
