import type { ErrorCode } from './errors.js'
import type { GeneratedVideo, GeneratedVideoFacts } from './generator.js'
import type { Publication } from './publisher.js'
import type { ResolvedVideo } from './resolver.js'
import type { StageName, StageWarning } from './stage.js'
import type { UploadedVideo } from './uploader.js'
import type { VideoUsage } from './usage.js'

/** Result of a run. */
export interface PipelineResult {
  /** Id of the run. */
  readonly runId: string
  /** The best available URL. */
  readonly url: string
  /** Where `url` comes from. */
  readonly servedBy: 'uploader' | 'resolver' | 'generator'
  /** The generated video. */
  readonly video: GeneratedVideo
  /** What the video cost and used; absent if the upstream reported nothing that is known. */
  readonly usage?: VideoUsage
  /** The post, if one was made. */
  readonly publication?: Publication
  /** What the resolver found, if it succeeded. */
  readonly resolved?: ResolvedVideo
  /** The copy, if one was made. */
  readonly uploaded?: UploadedVideo
  /** Every call of a strategy, in the order in which the calls ended; a failed one has its reason. */
  readonly attempts: readonly Attempt[]
  /** Whether a configured stage failed or was cut short, so that `url` is a fallback. */
  readonly isDegraded: boolean
  /** Problems that did not stop the run, in order. */
  readonly warnings: readonly RunWarning[]
  /** How long the run took, in milliseconds. */
  readonly durationMs: number
}

/** A {@link PipelineResult} as events carry it: JSON, so without the `source` of its video. */
export interface PipelineResultJson extends Omit<PipelineResult, 'video'> {
  /** The generated video, without its `source`. */
  readonly video: GeneratedVideoFacts & { readonly url?: string }
}

/** One call of one strategy. */
export interface Attempt {
  /** Stage of the call. */
  readonly stage: StageName
  /** Name of the strategy. */
  readonly strategy: string
  /** How it ended. */
  readonly outcome: 'succeeded' | 'failed'
  /** Code of its error, if it failed. */
  readonly errorCode?: ErrorCode
  /** Message of its error, without secrets, at most 500 characters. Absent in runs of earlier versions. */
  readonly errorMessage?: string
  /** How long it took, in milliseconds. */
  readonly durationMs: number
}

/** A warning of a run. */
export interface RunWarning extends StageWarning {
  /** Stage of the warning; absent when it is about the whole run. */
  readonly stage?: StageName
}

/** A result as events and responses carry it. */
export function toResultJson({ video, ...result }: PipelineResult | PipelineResultJson): PipelineResultJson {
  const { source: _, url, ...facts }: GeneratedVideoFacts & { url?: string | undefined; source?: unknown } = video
  return { ...result, video: url === undefined ? facts : { ...facts, url } }
}
