import type { VideoRequest } from '../contracts/request.js'
import type { RunQuery } from '../contracts/run-store.js'
import type { VideoSource } from '../contracts/source.js'
import type { PipelineRun } from '../pipeline/pipeline-run.js'
import type { RunOptions } from '../pipeline/run-options.js'
import type { RunRecord } from '../pipeline/run-record.js'

/** What a handler runs videos with: a `SoraPipeline`, or anything that has these methods of it. */
export interface VideoRunner {
  /** Starts a run. */
  run(request: VideoRequest, options?: RunOptions): PipelineRun
  /** Resumes a run of the store. */
  resume(id: string): PipelineRun
  /** What is known of a run, or `undefined`. */
  get(id: string): Promise<RunRecord | undefined>
  /** What is known of the runs of an owner. */
  list(query: RunQuery): Promise<readonly RunRecord[]>
  /** The bytes of the video of a run. */
  openVideo(id: string): Promise<VideoSource>
  /** Takes a run off the lists, and cancels it first. */
  remove(id: string): Promise<void>
}
