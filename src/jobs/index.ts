export type { BeforeSubmit } from '../contracts/before-submit.js'
export type { Clock } from '../contracts/clock.js'
export type { DiagnosableStore } from '../contracts/diagnosable-store.js'
export type { PipelineEvent } from '../contracts/events.js'
export type { GenerationHandle } from '../contracts/generation-handle.js'
export type { Generator } from '../contracts/generator.js'
export type { PollSchedule } from '../contracts/poll-schedule.js'
export type { Publisher } from '../contracts/publisher.js'
export type { VideoRequest } from '../contracts/request.js'
export type { Resolver } from '../contracts/resolver.js'
export type { RunStore } from '../contracts/run-store.js'
export type { VideoSource, VideoVariant } from '../contracts/source.js'
export type { Uploader } from '../contracts/uploader.js'
export type { Deadlines } from '../pipeline/deadlines.js'
export type { ReviewVerdict } from '../pipeline/journal/settle-run.js'
export type { Logger } from '../pipeline/log-event.js'
export type { SoraPipelineOptions } from '../pipeline/options.js'
export type { PipelineRun } from '../pipeline/pipeline-run.js'
export type { RunLimits } from '../pipeline/run-limits.js'
export type {
  AdoptOptions,
  CloseOptions,
  OpenVideoOptions,
  PipelineQuery,
  RunOptions,
} from '../pipeline/run-options.js'
export type { RunRecord } from '../pipeline/run-record.js'
export type { SoraPipeline } from '../pipeline/sora-pipeline.js'
export type { OpenUrl } from '../pipeline/video/open-url.js'
export type { AllowPrivateAddresses } from '../upstream/download/allowed-destinations.js'
export {
  createQueueRunner,
  type QueueRunner,
  type QueueRunnerOptions,
  type StandaloneRunnerOptions,
} from './create-queue-runner.js'
export { createWorker, type QueueWorker, type QueueWorkerOptions } from './create-worker.js'
export type { QueueOptions } from './queue-options.js'
