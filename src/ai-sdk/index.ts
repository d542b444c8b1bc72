export type {
  PipelineVideo,
  PipelineVideoModel,
  PipelineVideoModelCall,
  PipelineVideoModelFile,
  PipelineVideoModelJson,
  PipelineVideoModelStart,
  PipelineVideoModelStatus,
  PipelineVideoModelWarning,
} from './pipeline-video-model.js'
export { type ToVideoModelOptions, toVideoModel } from './to-video-model.js'
export type { VideoModelRunner } from './video-model-runner.js'
