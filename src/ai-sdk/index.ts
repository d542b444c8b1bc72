export type { VideoRequest } from '../contracts/request.js'
export type { VideoSource } from '../contracts/source.js'
export type { PipelineRun } from '../pipeline/pipeline-run.js'
export type { RunOptions } from '../pipeline/run-options.js'
export type { RunRecord } from '../pipeline/run-record.js'
export type {
  PipelineVideo,
  PipelineVideoModel,
  PipelineVideoModelCall,
  PipelineVideoModelFile,
  PipelineVideoModelJson,
  PipelineVideoModelMetadata,
  PipelineVideoModelResponse,
  PipelineVideoModelStart,
  PipelineVideoModelStatus,
  PipelineVideoModelWarning,
} from './pipeline-video-model.js'
export { type ToVideoModelOptions, toVideoModel } from './to-video-model.js'
export type { VideoModelRunner } from './video-model-runner.js'
