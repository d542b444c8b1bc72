import type { ErrorCode } from './errors.js'
import type { GeneratedVideo, GeneratedVideoFacts } from './generator.js'
import type { Publication } from './publisher.js'
import type { ResolvedVideo } from './resolver.js'
import type { StageName, StageWarning } from './stage.js'
import type { UploadedVideo } from './uploader.js'

/** What a run comes to. */
export interface PipelineResult {
  readonly runId: string
  /** The best URL there is. */
  readonly url: string
  /** Where `url` comes from. */
  readonly servedBy: 'uploader' | 'resolver' | 'generator'
  readonly video: GeneratedVideo
  readonly publication?: Publication
  readonly resolved?: ResolvedVideo
  readonly uploaded?: UploadedVideo
  /** Every call of a strategy, in the order in which they ended; one that failed says why. */
  readonly attempts: readonly Attempt[]
  /** Whether a configured stage failed or was cut short, so that `url` is not the one that was hoped for. */
  readonly isDegraded: boolean
  readonly warnings: readonly RunWarning[]
  readonly durationMs: number
}

/** A {@link PipelineResult} as events carry it: JSON, so without the `source` of its video. */
export interface PipelineResultJson extends Omit<PipelineResult, 'video'> {
  readonly video: GeneratedVideoFacts & { readonly url?: string }
}

/** One call of one strategy. */
export interface Attempt {
  readonly stage: StageName
  /** Name of the strategy. */
  readonly strategy: string
  readonly outcome: 'succeeded' | 'failed'
  readonly errorCode?: ErrorCode
  /** Why it failed: the message of the error, without secrets, at most 500 characters. Absent in runs of earlier versions. */
  readonly errorMessage?: string
  readonly durationMs: number
}

/** A warning of a run; `stage` is absent when it is about the whole. */
export interface RunWarning extends StageWarning {
  readonly stage?: StageName
}

/** A result as events and answers carry it. */
export function toResultJson({ video, ...result }: PipelineResult | PipelineResultJson): PipelineResultJson {
  const { source: _, url, ...facts }: GeneratedVideoFacts & { url?: string | undefined; source?: unknown } = video
  return { ...result, video: url === undefined ? facts : { ...facts, url } }
}
