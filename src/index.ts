export type { Clock } from './contracts/clock.js'
export {
  type ErrorCode,
  type ErrorOptions,
  isSoraPipelineError,
  SoraPipelineError,
  type SoraPipelineErrorJson,
} from './contracts/errors.js'
export type {
  AttemptFailed,
  EventBase,
  FallbackTaken,
  PipelineEvent,
  RunCompleted,
  RunFailed,
  RunResumed,
  RunStarted,
  StageCompleted,
  StageEventBase,
  StageFailed,
  StageProgressed,
  StageSkipped,
  StageStarted,
  UpstreamState,
  Warned,
} from './contracts/events.js'
export type {
  CancelOutcome,
  CompletedTask,
  FailedTask,
  GeneratedVideo,
  GeneratedVideoFacts,
  GenerationHandle,
  Generator,
  OneShotGenerator,
  PendingTask,
  StartedTask,
  SubmissionSupport,
  TaskGenerator,
  TaskStatus,
} from './contracts/generator.js'
export { ConfigurationError, type InputProblem, InvalidRequestError } from './contracts/input-errors.js'
export type { JsonObject, JsonValue } from './contracts/json.js'
export type { Publication, Publisher } from './contracts/publisher.js'
export type { MediaInput, StoryboardShot, VideoRequest } from './contracts/request.js'
export type { ResolvedVideo, ResolveInput, Resolver } from './contracts/resolver.js'
export type { Attempt, PipelineResult, PipelineResultJson, RunWarning } from './contracts/result.js'
export {
  AllStrategiesFailedError,
  FencedError,
  NoUsableUrlError,
  RunStateError,
  StageTimeoutError,
  SubmissionUnknownError,
} from './contracts/run-errors.js'
export type { RunStore, StoredRun } from './contracts/run-store.js'
export type { OpenOptions, VideoSource } from './contracts/source.js'
export type {
  FindContext,
  StageContext,
  StageName,
  StageProgress,
  StageWarning,
  SubmitContext,
} from './contracts/stage.js'
export type { UploadedVideo, Uploader } from './contracts/uploader.js'
export {
  AuthenticationError,
  ContentRejectedError,
  GenerationFailedError,
  NetworkError,
  QuotaExceededError,
  RateLimitError,
  type UpstreamErrorOptions,
  UpstreamHttpError,
  UpstreamResponseError,
} from './contracts/upstream-errors.js'
