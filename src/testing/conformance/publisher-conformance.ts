import assert from 'node:assert/strict'
import type { GeneratedVideo } from '../../contracts/generator.js'
import type { Publication, Publisher } from '../../contracts/publisher.js'
import { FAKE_VIDEO } from '../fake-generator.js'
import { isAbsoluteUrl } from './absolute-url.js'
import {
  type ConformanceCase,
  type ConformanceSubject,
  checkStrategySuite,
  type StrategyConformanceOptions,
} from './conformance-suite.js'
import { registerStrategyCases } from './strategy-cases.js'
import { outcomeOf } from './trial.js'

/** A publisher under test. */
export interface PublisherSubject extends ConformanceSubject {
  /** The publisher under test. */
  readonly publisher: Publisher
  /**
   * The video to publish.
   * @defaultValue the video of `fakeGenerator`
   */
  readonly video?: GeneratedVideo | undefined
}

/** Options of {@link publisherConformance}. */
export interface PublisherConformanceOptions extends StrategyConformanceOptions<PublisherSubject> {}

/**
 * Tests a publisher against its contract: name, shape of the post, progress, aborts, typed errors without secrets,
 * and `unpublish` if implemented. Pass the `test` of your runner.
 *
 * @example
 * ```ts
 * import { test } from 'node:test'
 * import { fakePublisher, publisherConformance } from 'sora-pipeline/testing'
 *
 * publisherConformance({ test, create: () => ({ publisher: fakePublisher() }) })
 * ```
 */
export function publisherConformance(options: PublisherConformanceOptions): void {
  checkStrategySuite('publisherConformance', options)
  registerStrategyCases<PublisherSubject>(
    options,
    {
      verb: 'publish',
      strategyOf: ({ publisher }) => publisher,
      call: (subject, context) => subject.publisher.publish(videoOf(subject), context),
      checkResult(result, trial) {
        const { id, url } = result as Publication
        assert.ok(typeof id === 'string' && id !== '', `id must be a non-empty string, but is: ${String(id)}`)
        if (url !== undefined) isAbsoluteUrl(url, 'url')
        assert.deepEqual(JSON.parse(JSON.stringify(result)), result, 'a publication must survive JSON')
        trial.isClean(result, 'a publication')
      },
    },
    OWN_CASES,
  )
}

const OWN_CASES: readonly ConformanceCase<PublisherSubject>[] = [
  {
    name: 'publishes two videos at once',
    async check(subject, trial) {
      const publish = () => subject.publisher.publish(videoOf(subject), trial.context())
      const posts = await trial.settle(Promise.all([publish(), publish()]), 'publish, twice at once')
      for (const { id } of posts) assert.ok(id, 'each of two posts must have an id')
    },
  },
  {
    name: 'if it can unpublish, doing it twice succeeds or gives an error of the library',
    async check(subject, trial) {
      const { publisher } = subject
      const publication = await trial.settle(publisher.publish(videoOf(subject), trial.context()), 'publish')
      for (const time of ['the first', 'the second']) {
        const unpublished = Promise.resolve(publisher.unpublish?.(publication, trial.context()))
        const { error, isRejected } = await trial.settle(outcomeOf(unpublished), `unpublish, ${time} time`)
        if (isRejected) trial.isTyped(error, `unpublish, ${time} time,`)
      }
    },
  },
  {
    name: 'if it can unpublish, an abort before that rejects with the reason itself and sends nothing',
    async check(subject, trial) {
      const { publisher } = subject
      const publication = await trial.settle(publisher.publish(videoOf(subject), trial.context()), 'publish')
      if (publisher.unpublish === undefined) return
      const sent = subject.requests?.()
      const controller = new AbortController()
      controller.abort()
      const late = publisher.unpublish(publication, trial.context({ signal: controller.signal }))
      await trial.rejectsWithReason(late, controller, 'unpublish')
      assert.equal(subject.requests?.(), sent, 'unpublish must send nothing when its signal is already aborted')
    },
  },
]

function videoOf(subject: PublisherSubject): GeneratedVideo {
  return subject.video ?? FAKE_VIDEO
}
