import type { Diagnosable } from './diagnosis.js'
import type { GeneratedVideo } from './generator.js'
import type { StageContext } from './stage.js'

/**
 * Publishes a generated video and returns the id of the post.
 *
 * @example
 * ```ts
 * import type { Publisher } from 'sora-pipeline'
 *
 * const publisher: Publisher = { name: 'mock', publish: async (video) => ({ id: `post_${video.id}` }) }
 * console.log(publisher.name)
 * ```
 */
export interface Publisher extends Diagnosable {
  /** Name in events and messages. */
  readonly name: string
  /** Label in progress texts; the name is used without one. */
  readonly label?: string | undefined
  /** Publishes a video and returns the post. An abort does not undo what the service has started. */
  publish(video: GeneratedVideo, context: StageContext): Promise<Publication>
  /** Removes the post. Best effort: it never changes the result of a run. */
  unpublish?(publication: Publication, context: StageContext): Promise<void>
}

/** A post. */
export interface Publication {
  /** Such as `s_694fb875ab6881919a4d70e090a87522`. */
  readonly id: string
  /** Page of the post, if it has one. */
  readonly url?: string | undefined
}
