import type { GeneratedVideo } from './generator.js'
import type { StageContext } from './stage.js'

/**
 * Publishes a generated video and gives back the id of the post.
 *
 * @example
 * ```ts
 * import type { Publisher } from 'sora-pipeline'
 *
 * const publisher: Publisher = { name: 'mock', publish: async (video) => ({ id: `post_${video.id}` }) }
 * console.log(publisher.name)
 * ```
 */
export interface Publisher {
  /** Name in events and messages. */
  readonly name: string
  /** For people, in progress texts; the name serves without one. */
  readonly label?: string | undefined
  /** Publishes a video and gives the post. An abort leaves what the service has begun. */
  publish(video: GeneratedVideo, context: StageContext): Promise<Publication>
  /** Takes the post back. Best effort: it never changes the result of a run. */
  unpublish?(publication: Publication, context: StageContext): Promise<void>
}

/** A post. */
export interface Publication {
  /** Such as `s_694fb875ab6881919a4d70e090a87522`. */
  readonly id: string
  /** Page of the post, when there is one. */
  readonly url?: string | undefined
}
