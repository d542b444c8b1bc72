import type { VideoRequest } from '../contracts/request.js'
import type { RunQuery } from '../contracts/run-store.js'
import type { VideoSource } from '../contracts/source.js'
import type { PipelineRun } from '../pipeline/pipeline-run.js'
import type { OpenVideoOptions, RunOptions } from '../pipeline/run-options.js'
import type { RunRecord } from '../pipeline/run-record.js'

/** The methods of a {@link VideoRunner}. */
export const RUNNER_METHODS = [
  'run',
  'resume',
  'get',
  'list',
  'openVideo',
  'remove',
] as const satisfies readonly (keyof VideoRunner)[]

/** The pipeline of a handler: a `SoraPipeline`, or any object with these methods. */
export interface VideoRunner {
  /** Starts a run. */
  run(request: VideoRequest, options?: RunOptions): PipelineRun
  /** Resumes a run of the store. */
  resume(id: string): PipelineRun
  /** The record of a run, or `undefined`. */
  get(id: string): Promise<RunRecord | undefined>
  /** The records of an owner's runs. */
  list(query: RunQuery): Promise<readonly RunRecord[]>
  /** The bytes of the video of a run, or of a picture of it. */
  openVideo(id: string, options?: OpenVideoOptions): Promise<VideoSource>
  /** Cancels a run and removes it from the lists. */
  remove(id: string): Promise<void>
  /** Whether it has begun to close: then `healthz` answers 503. */
  readonly isClosing?: boolean
  /** Polls the job of a run now. Without it `POST /wake/{token}` is answered 404. */
  wake?(id: string): Promise<void>
}
