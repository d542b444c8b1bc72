import assert from 'node:assert/strict'
import type { ResolvedVideo, ResolveInput, Resolver } from '../../contracts/resolver.js'
import { FAKE_VIDEO } from '../fake-generator.js'
import { fakeSource } from '../fake-source.js'
import { isAbsoluteUrl } from './absolute-url.js'
import {
  type ConformanceCase,
  type ConformanceSubject,
  checkStrategySuite,
  type StrategyConformanceOptions,
} from './conformance-suite.js'
import { registerStrategyCases } from './strategy-cases.js'
import type { Trial } from './trial.js'

/** A resolver under test. */
export interface ResolverSubject extends ConformanceSubject {
  /** The resolver under test. */
  readonly resolver: Resolver
  /**
   * The input to resolve.
   * @defaultValue the video of `fakeGenerator` and the publication of `fakePublisher`
   */
  readonly input?: ResolveInput | undefined
}

/** Options of {@link resolverConformance}. */
export interface ResolverConformanceOptions extends StrategyConformanceOptions<ResolverSubject> {}

/**
 * Tests a resolver against its contract: name, shape of the result, no address that needs a key, a missing
 * publication, progress, aborts, and typed errors without secrets. Pass the `test` of your runner.
 *
 * @example
 * ```ts
 * import { test } from 'node:test'
 * import { fakeResolver, resolverConformance } from 'sora-pipeline/testing'
 *
 * resolverConformance({ test, create: () => ({ resolver: fakeResolver() }) })
 * ```
 */
export function resolverConformance(options: ResolverConformanceOptions): void {
  checkStrategySuite('resolverConformance', options)
  registerStrategyCases<ResolverSubject>(
    options,
    {
      verb: 'resolve',
      strategyOf: ({ resolver }) => resolver,
      call: ({ resolver, input = STANDARD_INPUT }, context) => resolver.resolve(input, context),
      checkResult,
    },
    OWN_CASES,
  )
}

const STANDARD_INPUT: ResolveInput = { video: FAKE_VIDEO, publication: { id: 's_694fb875ab6881919a4d70e090a87522' } }
const PRIVATE_URL = 'https://private.example/videos/gen_1/content'

const OWN_CASES: readonly ConformanceCase<ResolverSubject>[] = [
  {
    name: 'without a publication it gives a URL or an error of the library',
    async check({ resolver, input = STANDARD_INPUT }, trial) {
      const resolved = await resolvedOrTyped(trial, resolver.resolve({ video: input.video }, trial.context()))
      if (resolved) checkResult(resolved, trial)
    },
  },
  {
    name: 'never gives the address of a source that needs a key',
    async check({ resolver, input = STANDARD_INPUT }, trial) {
      const source = fakeSource({ url: PRIVATE_URL, isPublic: false })
      const video = { id: input.video.id, source }
      const resolved = await resolvedOrTyped(trial, resolver.resolve({ ...input, video }, trial.context()))
      assert.notEqual(resolved?.url, PRIVATE_URL, 'url must not be the address of a source that needs a key')
    },
  },
  {
    name: 'resolves two videos at once',
    async check({ resolver, input = STANDARD_INPUT }, trial) {
      const resolve = () => resolver.resolve(input, trial.context())
      for (const resolved of await trial.settle(Promise.all([resolve(), resolve()]), 'resolve, twice at once')) {
        checkResult(resolved, trial)
      }
    },
  },
]

function checkResult(result: unknown, trial: Trial): void {
  const { url, byteLength, expiresAt } = result as ResolvedVideo
  isAbsoluteUrl(url, 'url')
  assert.doesNotMatch(url, /\bundefined\b|\bnull\b|\[object /, 'url must not be built from a missing value')
  if (byteLength !== undefined) assert.ok(Number.isInteger(byteLength) && byteLength > 0, `byteLength: ${byteLength}`)
  if (expiresAt !== undefined) assert.ok(Number.isFinite(expiresAt), `expiresAt must be an instant: ${expiresAt}`)
  trial.isClean(result, 'a resolved video')
}

async function resolvedOrTyped(trial: Trial, call: Promise<ResolvedVideo>): Promise<ResolvedVideo | undefined> {
  try {
    return await trial.settle(call, 'resolve')
  } catch (error) {
    // The contract allows both outcomes; only the kind of the error is checked.
    trial.isTyped(error, 'resolve')
    return undefined
  }
}
