import './pipeline/present-engine.js'

export { type Balanced, type BalanceOptions, balance } from './combinators/balance.js'
export type { AtLeastOne } from './combinators/combine.js'
export { type FallbackOptions, fallback } from './combinators/fallback.js'
export { type RaceOptions, race } from './combinators/race.js'
export type { SharedLimitOptions } from './combinators/shared-limits.js'
export type { BalancedStrategyStats, BalanceStats } from './combinators/waiting-line.js'
export { type CircuitBreakerOptions, withCircuitBreaker } from './combinators/with-circuit-breaker.js'
export { type RetryOptions, withRetry } from './combinators/with-retry.js'
export { type TimeoutOptions, withTimeout } from './combinators/with-timeout.js'
export type { BeforeSubmit, BeforeSubmitContext } from './contracts/before-submit.js'
export { isRetainedAt, retainedRun } from './contracts/checked-retention.js'
export type { Clock } from './contracts/clock.js'
export type { DiagnosableStore, ServerProblem, StoreDurability } from './contracts/diagnosable-store.js'
export type { CheckContext, Diagnosable } from './contracts/diagnosis.js'
export {
  type ErrorCode,
  isSoraPipelineError,
  SoraPipelineError,
  type SoraPipelineErrorJson,
  type SoraPipelineErrorOptions,
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
export type { GenerationHandle } from './contracts/generation-handle.js'
export type {
  CancelOutcome,
  CompletedTask,
  FailedTask,
  GeneratedVideo,
  GeneratedVideoFacts,
  Generator,
  OneShotGenerator,
  PendingTask,
  StartedTask,
  TaskGenerator,
  TaskStatus,
} from './contracts/generator.js'
export { ConfigurationError, type InputProblem, InvalidRequestError } from './contracts/input-errors.js'
export type { JsonObject, JsonValue } from './contracts/json.js'
export type { PollHistory, PollReading, PollSchedule, UsualDuration } from './contracts/poll-schedule.js'
export type { Publication, Publisher } from './contracts/publisher.js'
export type { MediaInput, StoryboardShot, VideoRequest } from './contracts/request.js'
export type { ResolvedVideo, ResolveInput, Resolver } from './contracts/resolver.js'
export type { Attempt, PipelineResult, PipelineResultJson, RunWarning } from './contracts/result.js'
export { RETAINED_MS } from './contracts/retained-run.js'
export {
  AllStrategiesFailedError,
  FencedError,
  NoUsableUrlError,
  RunStateError,
  StageTimeoutError,
  SubmissionUnknownError,
} from './contracts/run-errors.js'
export type {
  DueOptions,
  EventSubscription,
  LoadedRun,
  PruneQuery,
  RunQuery,
  RunReport,
  RunStore,
  SlotMethod,
  StoredEvent,
  StoredRun,
  WorkerBeat,
} from './contracts/run-store.js'
export type { SlotAnswer, SlotRate, SlotTerms } from './contracts/shared-slots.js'
export type { OpenOptions, VideoSource, VideoVariant } from './contracts/source.js'
export type {
  FindContext,
  StageContext,
  StageName,
  StageProgress,
  StageWarning,
  SubmitContext,
} from './contracts/stage.js'
export type { SavedNote, StoredNote } from './contracts/stored-note.js'
export type { SubmissionSupport } from './contracts/submission-support.js'
export type { UploadedVideo, Uploader } from './contracts/uploader.js'
export {
  AuthenticationError,
  CircuitOpenError,
  ContentRejectedError,
  GenerationFailedError,
  NetworkError,
  OverloadedError,
  QuotaExceededError,
  RateLimitError,
  RegionError,
  type UpstreamErrorOptions,
  UpstreamHttpError,
  UpstreamResponseError,
} from './contracts/upstream-errors.js'
export type { Cost, VideoUsage } from './contracts/usage.js'
export type { AnswerFormat } from './openai/answer-content.js'
export type { ChatCompletion, ChatCompletionChoice } from './openai/chat-completion.js'
export type {
  ChatCompletionChunk,
  ChatCompletionChunkChoice,
  ChatCompletionChunkDelta,
  ChatCompletionChunks,
} from './openai/chat-completion-chunk.js'
export type { ChatCompletionOptions } from './openai/chat-completion-options.js'
export type { ChatCompletionUsage } from './openai/chat-completion-usage.js'
export type { FormattableRun } from './openai/formattable-run.js'
export { chineseTexts, englishTexts, type ProgressTexts } from './openai/progress-texts.js'
export { toChatCompletion } from './openai/to-chat-completion.js'
export { toChatCompletionChunks } from './openai/to-chat-completion-chunks.js'
export { type EventStreamOptions, toEventStream } from './openai/to-event-stream.js'
export { type OpenAiError, type OpenAiErrorBody, toOpenAiError } from './openai/to-openai-error.js'
export { type SseOptions, toSse } from './openai/to-sse.js'
export type { Deadlines, EveryDeadline } from './pipeline/deadlines.js'
export type { CheckOutcome, PipelineDiagnosis, StoreDiagnosis, StrategyDiagnosis } from './pipeline/diagnose.js'
export { toMermaid } from './pipeline/diagram/to-mermaid.js'
export type { PruneOptions } from './pipeline/journal/retention.js'
export type { ReviewVerdict, VerdictKind } from './pipeline/journal/settle-run.js'
export type { LogFields, Logger, LogMethod } from './pipeline/log-event.js'
export type { SoraPipelineOptions } from './pipeline/options.js'
export type { PipelineRun } from './pipeline/pipeline-run.js'
export type { RunDetails, SubmissionDetails } from './pipeline/run-details.js'
export type { RunLimits } from './pipeline/run-limits.js'
export type {
  AdoptOptions,
  CloseOptions,
  OpenVideoOptions,
  PipelineQuery,
  RecoverOptions,
  RunOptions,
} from './pipeline/run-options.js'
export type { RunRecord } from './pipeline/run-record.js'
export { SoraPipeline } from './pipeline/sora-pipeline.js'
export type { Candidate, RunProgress } from './pipeline/state/run-state.js'
export type { StoredMedia, StoredRequest } from './pipeline/state/stored-request.js'
export { type FollowOptions, followRun } from './pipeline/stored-events/follow-run.js'
export { type StoredRuns, type StoredRunsOptions, storedRuns } from './pipeline/stored-runs.js'
export type { AttemptTrace, CleanupTrace, RunTrace } from './pipeline/tracing/trace-messages.js'
export type { TracedRequest } from './pipeline/tracing/traced-request.js'
export type { OpenUrl } from './pipeline/video/open-url.js'
export { type MemoryStoreOptions, memoryStore } from './stores/memory-store.js'
export { type PaceScheduleOptions, paceSchedule } from './timing/pace-schedule.js'
export type { AllowPrivateAddresses } from './upstream/download/allowed-destinations.js'
