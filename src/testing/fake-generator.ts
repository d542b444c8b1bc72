import { checkOptions } from '../contracts/check-options.js'
import type { GeneratedVideo, OneShotGenerator } from '../contracts/generator.js'
import type { VideoRequest } from '../contracts/request.js'
import { FAKE_RULES, type FakeCall, type FakeOptions, playCall } from './fake-call.js'

/** The default video of a fake. */
export const FAKE_VIDEO: GeneratedVideo & { readonly url: string } = {
  id: 'gen_1',
  url: 'https://videos.openai.com/az/files/00000000-82cc-7285-bf93-f29e2b5d9ab8/raw',
}

/** Options of {@link fakeGenerator}. */
export interface FakeGeneratorOptions extends FakeOptions<VideoRequest, GeneratedVideo> {}

/** A one-shot generator that records its calls. */
export interface FakeGenerator extends OneShotGenerator {
  /** Its calls, in order. */
  readonly calls: readonly FakeCall<VideoRequest>[]
}

/**
 * Creates a one-shot generator that costs nothing. By default it returns `{ id: 'gen_1', url:
 * 'https://videos.openai.com/az/files/00000000-82cc-7285-bf93-f29e2b5d9ab8/raw' }`; nothing is fetched.
 *
 * @example
 * ```ts
 * import { GenerationFailedError } from 'sora-pipeline'
 * import { fakeGenerator } from 'sora-pipeline/testing'
 *
 * const flaky = fakeGenerator({
 *   outcome: [new GenerationFailedError('Could not generate the video: server_error'), { id: 'gen_2', url: 'https://cdn.example/a.mp4' }],
 * })
 * console.log(flaky.name, flaky.calls.length)
 * ```
 */
export function fakeGenerator(options: FakeGeneratorOptions = {}): FakeGenerator {
  checkOptions<FakeGeneratorOptions>('fakeGenerator', options, FAKE_RULES)
  const calls: FakeCall<VideoRequest>[] = []
  return {
    name: options.name ?? 'fake-generator',
    label: options.label,
    generate: (request, context) => playCall(options, FAKE_VIDEO, calls, request, context),
    calls,
  }
}
