export type { GenerationHandle } from '../contracts/generation-handle.js'
export type { VideoRequest } from '../contracts/request.js'
export type { VideoSource, VideoVariant } from '../contracts/source.js'
export type { ReviewVerdict } from '../pipeline/journal/settle-run.js'
export type { PipelineRun } from '../pipeline/pipeline-run.js'
export type {
  AdoptOptions,
  CloseOptions,
  OpenVideoOptions,
  PipelineQuery,
  RunOptions,
} from '../pipeline/run-options.js'
export type { RunRecord } from '../pipeline/run-record.js'
export type { SoraPipeline } from '../pipeline/sora-pipeline.js'
export { createQueueRunner, type QueueRunner, type QueueRunnerOptions } from './create-queue-runner.js'
export { createWorker, type QueueWorker, type QueueWorkerOptions } from './create-worker.js'
export type { QueueOptions } from './queue-options.js'
