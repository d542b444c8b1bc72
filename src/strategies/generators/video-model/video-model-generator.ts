import { isSoraPipelineError } from '../../../contracts/errors.js'
import type {
  GeneratedVideo,
  OneShotGenerator,
  StartedTask,
  TaskGenerator,
  TaskStatus,
} from '../../../contracts/generator.js'
import { isJson, jsonCopy } from '../../../contracts/is-json.js'
import type { JsonValue } from '../../../contracts/json.js'
import type { VideoRequest } from '../../../contracts/request.js'
import type { StageContext, SubmitContext } from '../../../contracts/stage.js'
import { UpstreamResponseError } from '../../../contracts/upstream-errors.js'
import { abortable } from '../../../upstream/abortable.js'
import { excerptOf } from '../../../upstream/error-details.js'
import { NO_GATEWAY_RETRIES } from '../../../upstream/gateway-retries.js'
import { isRecord } from '../../../upstream/is-record.js'
import { carriesSecret, maskOf } from '../../../upstream/secret.js'
import { jobFailure } from '../answers/job-failure.js'
import { progressRatio } from '../answers/progress-ratio.js'
import { jobIdOf } from './job-id.js'
import { planModelCall } from './model-call.js'
import { generateError, modelError, startError } from './model-error.js'
import { modelVideo } from './model-video.js'
import { unconfirmedFailures } from './unconfirmed-failures.js'
import type { VideoModelJson, VideoModelLike, VideoModelResult, VideoModelStatus } from './video-model-like.js'
import { checkVideoModelOptions, type VideoModelGeneratorOptions } from './video-model-options.js'

type OneShotContext = StageContext & Partial<Pick<SubmitContext, 'idempotencyKey' | 'confirm'>>

const mask = maskOf([])

/**
 * Generates with a video model of the AI SDK: fal, Google Veo, Replicate, xAI, MiniMax, Alibaba, Black Forest Labs, ByteDance,
 * OpenRouter, the AI Gateway and any other `VideoModelV3` or `VideoModelV4`. The pipeline polls, resumes and uploads; `ai` is not
 * needed.
 *
 * A model with `doStart` and `doStatus` is a task that survives a restart. Any other model waits for its job in one call: after a
 * crash, and after an error of its own polls, it is unknown whether the job was paid, and the run ends in review. An error counts as
 * the refusal of its submission only if the request in it carries the prompt and is not sent to an address of polls. Prefer a model
 * with `doStart`; the packages for version 7 of the AI SDK have it.
 *
 * Errors are judged by status, code and class. An error that the status of a job reports counts only after `errorConfirmations`
 * polls. An address with a key in its query is never given to end users. Fields that the model would not receive are refused with
 * `InvalidRequestError` if they change the result, else reported in a warning, as are the warnings of the model itself.
 *
 * An abort ends the call; the job continues at the provider, at its price, because the interface has no way to cancel.
 *
 * @throws ConfigurationError when the model or an option cannot work, with every problem at once.
 *
 * @example
 * ```ts
 * import { SoraPipeline } from 'sora-pipeline'
 * import { type VideoModelLike, videoModelGenerator } from 'sora-pipeline/strategies'
 *
 * // Such as `fal.video('luma-ray-2')` of `@ai-sdk/fal`.
 * export function pipelineFor(model: VideoModelLike): SoraPipeline {
 *   return new SoraPipeline({ generator: videoModelGenerator(model) })
 * }
 * ```
 */
export function videoModelGenerator(
  model: VideoModelLike,
  given: VideoModelGeneratorOptions = {},
): OneShotGenerator | TaskGenerator {
  const options = checkVideoModelOptions(model, given)
  const { name, label, errorConfirmations } = options
  const failures = unconfirmedFailures(errorConfirmations)

  function resultOf(result: VideoModelResult, id: string, context: StageContext): GeneratedVideo {
    passOnWarnings(result.warnings, name, context)
    const { length } = Array.isArray(result.videos) ? result.videos : []
    if (length > 1) {
      const message = `${name} made ${length} videos, and only one is used`
      context.warn?.({ code: 'further-videos', message })
    }
    return modelVideo(result, { id, model: model.modelId, options, clock: context.clock })
  }

  function statusOf(operation: JsonValue, status: VideoModelStatus, context: StageContext): TaskStatus {
    const job = JSON.stringify(operation)
    const id = jobIdOf(operation)
    if (status.status !== 'error') {
      failures.forget(job)
      if (status.status === 'completed') return { state: 'completed', video: resultOf(status, id, context) }
      const ratio = ratioOf(status.providerMetadata)
      return { state: 'running', ...(ratio !== undefined && { ratio }) }
    }
    const { count, isConfirmed } = failures.add(job, context.clock)
    const error = jobFailure({ id, layers: [{ error: String(status.error) }], state: 'failed', mask })
    if (isConfirmed) return { state: 'failed', error }
    if (count === 1) {
      const message = `${name} reports an error, which must be confirmed by ${errorConfirmations} polls: ${error.message}`
      context.warn?.({ code: 'unconfirmed-failure', message })
    }
    return { state: 'running' }
  }

  async function start(request: VideoRequest, context: SubmitContext): Promise<StartedTask> {
    const { signal, idempotencyKey, callbackUrl } = context
    signal.throwIfAborted()
    const call = {
      ...planModelCall(model, request, options, context),
      ...(options.callback === true && callbackUrl !== undefined && { webhookUrl: callbackUrl }),
    }
    context.confirm?.()
    const headers = { 'idempotency-key': idempotencyKey, ...NO_GATEWAY_RETRIES }
    const started = await settled(signal, async () => model.doStart?.({ ...call, abortSignal: signal, headers })).catch(
      (error: unknown) => {
        throw signal.aborted ? signal.reason : startError(error, name)
      },
    )
    passOnWarnings(started?.warnings, name, context)
    const operation = started?.operation
    const isKept = isJson(operation) && !carriesSecret(JSON.stringify(operation), [])
    if (!isKept) throw startError(unreadable(`${name} gave no operation that can be kept`), name)
    return { operation: jsonCopy(operation as JsonValue) }
  }

  async function poll(operation: JsonValue, context: StageContext): Promise<TaskStatus> {
    const { signal } = context
    signal.throwIfAborted()
    const call = { operation: operation as VideoModelJson, abortSignal: signal, headers: {} }
    const status = await settled(signal, async () => model.doStatus?.(call)).catch((error: unknown) => {
      throw signal.aborted ? signal.reason : modelError(error, { what: 'poll the job', name, isSubmission: false })
    })
    if (!isRecord(status)) throw unreadable(`${name} gave no status`)
    return statusOf(operation, status as VideoModelStatus, context)
  }

  async function generate(request: VideoRequest, context: OneShotContext): Promise<GeneratedVideo> {
    const { signal, idempotencyKey, runId } = context
    signal.throwIfAborted()
    const call = planModelCall(model, request, options, context)
    context.confirm?.()
    const headers = { 'idempotency-key': idempotencyKey, ...NO_GATEWAY_RETRIES }
    const made = await settled(signal, async () => model.doGenerate?.({ ...call, abortSignal: signal, headers })).catch(
      (error: unknown) => {
        throw signal.aborted ? signal.reason : generateError(error, name, request.prompt)
      },
    )
    if (!isRecord(made)) throw generateError(unreadable(`${name} gave no video`), name, request.prompt)
    try {
      return resultOf(made as VideoModelResult, runId, context)
    } catch (error) {
      // The video is paid: an error of downloadHeaders must not look like a refusal.
      throw isSoraPipelineError(error) ? error : generateError(error, name, request.prompt)
    }
  }

  const identity = { name, ...(label !== undefined && { label }), upstream: model.provider }
  if (typeof model.doStart !== 'function' || typeof model.doStatus !== 'function') return { ...identity, generate }
  const { idempotency, settleMs } = options
  const submission = {
    idempotency,
    lookup: 'none',
    ...(settleMs !== undefined && { settleMs }),
    ...(options.callback === true && { callback: true }),
  } as const
  const cancel = async (_: JsonValue, { signal }: StageContext) => {
    signal.throwIfAborted()
    return 'unsupported' as const
  }
  return { ...identity, submission, start, poll, cancel }
}

// A model may throw before it returns a promise, and may ignore the signal.
function settled<T>(signal: AbortSignal, call: () => Promise<T>): Promise<T> {
  return abortable(signal, call())
}

function unreadable(problem: string): UpstreamResponseError {
  return new UpstreamResponseError(`Could not read the answer: ${problem}`, { isRetryable: false })
}

function ratioOf(metadata: unknown): number | undefined {
  const facts = Object.values(Object(metadata)).filter(isRecord)
  return facts.map(({ progress }) => progressRatio(progress)).find((ratio) => ratio !== undefined)
}

function passOnWarnings(warnings: unknown, name: string, context: StageContext): void {
  for (const warning of Array.isArray(warnings) ? warnings : []) {
    const { feature, setting, details, message } = Object(warning) as Readonly<Record<string, unknown>>
    const subject = [feature, setting].find((part) => typeof part === 'string')
    const reason = [details, message].find((part) => typeof part === 'string')
    const said = excerptOf([subject, reason].filter((part) => part !== undefined).join(': '), mask)
    const code = subject === undefined ? 'model-warning' : 'unsupported-option'
    if (said !== '') context.warn?.({ code, message: `${name} warns about ${said}` })
  }
}
