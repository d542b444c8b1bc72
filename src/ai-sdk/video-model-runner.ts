import type { VideoRequest } from '../contracts/request.js'
import type { VideoSource } from '../contracts/source.js'
import type { PipelineRun } from '../pipeline/pipeline-run.js'
import type { RunOptions } from '../pipeline/run-options.js'
import type { RunRecord } from '../pipeline/run-record.js'

/** The pipeline of a video model: a `SoraPipeline`, or any object with these methods. */
export interface VideoModelRunner {
  /** Starts a run, or joins the run of the id. */
  run(request: VideoRequest, options?: RunOptions): PipelineRun
  /** Resumes a run of the store. */
  resume(id: string): PipelineRun
  /** The record of a run, or `undefined`. */
  get(id: string): Promise<RunRecord | undefined>
  /** The bytes of the video of a run. Without it a video is given by its URL. */
  openVideo?(id: string): Promise<VideoSource>
}
