import type { VideoRequest } from '../contracts/request.js'
import type { RunQuery } from '../contracts/run-store.js'
import type { VideoSource } from '../contracts/source.js'
import type { PipelineRun } from '../pipeline/pipeline-run.js'
import type { RunOptions } from '../pipeline/run-options.js'
import type { RunRecord } from '../pipeline/run-record.js'

/** What a handler runs videos with: a `SoraPipeline`, or anything that has these methods of it. */
export interface VideoRunner {
  run(request: VideoRequest, options?: RunOptions): PipelineRun
  resume(id: string): PipelineRun
  get(id: string): Promise<RunRecord | undefined>
  list(query: RunQuery): Promise<readonly RunRecord[]>
  openVideo(id: string): Promise<VideoSource>
  remove(id: string): Promise<void>
}
