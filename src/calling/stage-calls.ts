import type { GeneratedVideo, Generator, OneShotGenerator } from '../contracts/generator.js'
import type { Publication, Publisher } from '../contracts/publisher.js'
import type { VideoRequest } from '../contracts/request.js'
import type { ResolvedVideo, ResolveInput, Resolver } from '../contracts/resolver.js'
import type { VideoSource } from '../contracts/source.js'
import type { StageContext } from '../contracts/stage.js'
import type { UploadedVideo, Uploader } from '../contracts/uploader.js'
import { flawOfPlace, flawOfPublication, flawOfVideo } from './result-flaws.js'
import { unreadableSubmission, unusableResult } from './unusable-result.js'

/** A strategy of any stage. */
export type Strategy = Generator | Publisher | Resolver | Uploader

/** The strategy, input and result of each verb. */
export interface StageCalls {
  generate: { strategy: OneShotGenerator; input: VideoRequest; output: GeneratedVideo }
  publish: { strategy: Publisher; input: GeneratedVideo; output: Publication }
  resolve: { strategy: Resolver; input: ResolveInput; output: ResolvedVideo }
  upload: { strategy: Uploader; input: VideoSource; output: UploadedVideo }
}

/** The verbs that are one call: their strategies differ only in the verb. */
export type Verb = keyof StageCalls

type VerbCall<V extends Verb> = {
  call(
    strategy: StageCalls[V]['strategy'],
    input: StageCalls[V]['input'],
    context: StageContext,
  ): Promise<StageCalls[V]['output']>
  /** The flaw of a result; `undefined` for a valid one. */
  flaw(output: unknown): string | undefined
}

const CALLS: { readonly [V in Verb]: VerbCall<V> } = {
  generate: { call: (generator, request, context) => generator.generate(request, context), flaw: flawOfVideo },
  publish: {
    call: (publisher, video, context) => publisher.publish(video, context),
    flaw: flawOfPublication,
  },
  resolve: { call: (resolver, input, context) => resolver.resolve(input, context), flaw: flawOfPlace },
  upload: { call: (uploader, source, context) => uploader.upload(source, context), flaw: flawOfPlace },
}

/**
 * Calls a strategy by its verb and checks the shape of the result.
 * @throws UpstreamResponseError that names the field and the fix, when the result has no usable id or URL.
 * @throws SubmissionUnknownError with the same message, when a video is unusable.
 */
export function callVerb<V extends Verb>(
  verb: V,
  strategy: StageCalls[V]['strategy'],
  input: StageCalls[V]['input'],
  context: StageContext,
): Promise<StageCalls[V]['output']> {
  const { call, flaw }: VerbCall<V> = CALLS[verb]
  const checked = (output: StageCalls[V]['output']) => {
    const wrong = flaw(output)
    if (wrong === undefined) return output
    throw verb === 'generate' ? unreadableSubmission(strategy, verb, wrong) : unusableResult(strategy, verb, wrong)
  }
  try {
    return Promise.resolve(call(strategy, input, context)).then(checked)
  } catch (thrown) {
    // A strategy that throws before its first await must not differ from one that rejects.
    return Promise.reject(thrown)
  }
}
