import type {
  Experimental_VideoModelV3 as VideoModelV3,
  Experimental_VideoModelV4 as VideoModelV4,
} from '@ai-sdk/provider'
import { toVideoModel } from '../../src/ai-sdk/index.js'
import type { SoraPipeline } from '../../src/index.js'
import type { VideoModelLike } from '../../src/strategies/index.js'
import { videoModelGenerator } from '../../src/strategies/index.js'

declare const third: VideoModelV3
declare const fourth: VideoModelV4

// The real types of the AI SDK fit without a cast.
export const models: readonly VideoModelLike[] = [third, fourth]
export const generators = [videoModelGenerator(third), videoModelGenerator(fourth, { errorConfirmations: 5 })]

declare const pipeline: SoraPipeline
export const model: VideoModelV4 = toVideoModel(pipeline)
