import { checkOptions } from '../contracts/check-options.js'
import type { GeneratedVideo } from '../contracts/generator.js'
import type { Publication, Publisher } from '../contracts/publisher.js'
import { FAKE_RULES, type FakeCall, type FakeOptions, playCall } from './fake-call.js'

/** Options of {@link fakePublisher}. */
export interface FakePublisherOptions extends FakeOptions<GeneratedVideo, Publication> {}

/** A publisher that records its calls. */
export interface FakePublisher extends Publisher {
  /** Its calls of `publish`, in order. */
  readonly calls: readonly FakeCall<GeneratedVideo>[]
  /** The unpublished posts, in order. */
  readonly unpublished: readonly Publication[]
  /** Unpublishes a post, and records it. */
  unpublish: NonNullable<Publisher['unpublish']>
}

/**
 * Creates a publisher that publishes nothing. By default it returns `{ id: 's_694fb875ab6881919a4d70e090a87522' }`.
 *
 * @example
 * ```ts
 * import { fakePublisher } from 'sora-pipeline/testing'
 *
 * const publisher = fakePublisher({ outcome: (video) => ({ id: `post_${video.id}` }) })
 * console.log(publisher.name, publisher.unpublished)
 * ```
 */
export function fakePublisher(options: FakePublisherOptions = {}): FakePublisher {
  checkOptions<FakePublisherOptions>('fakePublisher', options, FAKE_RULES)
  const calls: FakeCall<GeneratedVideo>[] = []
  const unpublished: Publication[] = []
  return {
    name: options.name ?? 'fake-publisher',
    label: options.label,
    publish: (video, context) => playCall(options, { id: 's_694fb875ab6881919a4d70e090a87522' }, calls, video, context),
    async unpublish(publication, { signal }) {
      signal.throwIfAborted()
      unpublished.push(publication)
    },
    calls,
    unpublished,
  }
}
