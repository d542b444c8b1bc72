import { checkOptions } from '../contracts/check-options.js'
import type { ResolvedVideo, ResolveInput, Resolver } from '../contracts/resolver.js'
import { FAKE_RULES, type FakeCall, type FakeOptions, playCall } from './fake-call.js'

const STANDARD: ResolvedVideo = { url: 'https://oscdn2.dyysy.com/MP4/s_694fb875ab6881919a4d70e090a87522.mp4' }

/** Options of {@link fakeResolver}. */
export interface FakeResolverOptions extends FakeOptions<ResolveInput, ResolvedVideo> {}

/** A resolver that records its calls. */
export interface FakeResolver extends Resolver {
  /** Its calls, in order. */
  readonly calls: readonly FakeCall<ResolveInput>[]
}

/**
 * Creates a resolver that sends no request. By default it returns `{ url:
 * 'https://oscdn2.dyysy.com/MP4/s_694fb875ab6881919a4d70e090a87522.mp4' }`.
 *
 * @example
 * ```ts
 * import { fakeResolver } from 'sora-pipeline/testing'
 *
 * const resolver = fakeResolver({ outcome: ({ video }) => ({ url: `https://cdn.example/${video.id}.mp4` }), delayMs: 250 })
 * console.log(resolver.name)
 * ```
 */
export function fakeResolver(options: FakeResolverOptions = {}): FakeResolver {
  checkOptions<FakeResolverOptions>('fakeResolver', options, FAKE_RULES)
  const calls: FakeCall<ResolveInput>[] = []
  return {
    name: options.name ?? 'fake-resolver',
    label: options.label,
    resolve: (input, context) => playCall(options, STANDARD, calls, input, context),
    calls,
  }
}
