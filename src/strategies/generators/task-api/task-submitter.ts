import { isSoraPipelineError } from '../../../contracts/errors.js'
import { ConfigurationError } from '../../../contracts/input-errors.js'
import type { JsonObject } from '../../../contracts/json.js'
import type { VideoRequest } from '../../../contracts/request.js'
import type { FindContext, SubmitContext } from '../../../contracts/stage.js'
import { NetworkError } from '../../../contracts/upstream-errors.js'
import type { Api } from '../../../upstream/api.js'
import { NO_GATEWAY_RETRIES } from '../../../upstream/gateway-retries.js'
import { isRecord } from '../../../upstream/is-record.js'
import { hostOf } from '../../../upstream/network-failure.js'
import { withTimeLimit } from '../../../upstream/time-limit.js'
import type { JobReader } from '../answers/job-answer.js'
import { mergedFields, mergedText } from '../merged-fields.js'
import { maskedData } from './operation-data.js'
import { fileOfText, requestTexts } from './request-texts.js'
import { reportUnsent, withReads } from './sent-fields.js'
import { sentPrompts } from './sent-prompts.js'
import { isShown } from './shown-fields.js'
import { isAcceptance } from './started-job.js'
import type { SentSubmission, SubmissionAnswer } from './submission-answer.js'
import type { checkTaskApiOptions, TaskApiVideoRequest } from './task-api-options.js'
import { type CheckedRequest, checkRequest } from './task-api-request.js'

/** The statuses of `serverErrors`: proxies send them both for a server that never received the request, and for one that did. */
export const SERVER_ERRORS: ReadonlySet<number> = new Set([500, 502, 504])

/**
 * Creates the function that sends the one request of a submission, and resolves to its answer and the data of the job.
 * @param rehearse - Throws when a function that is needed after the submission cannot work.
 */
export function createTaskSubmitter(
  api: Api,
  options: ReturnType<typeof checkTaskApiOptions>,
  { read, rehearse }: { readonly read: JobReader; readonly rehearse: (data: JsonObject | undefined) => void },
) {
  return async (request: VideoRequest, context: SubmitContext): Promise<SubmissionAnswer> => {
    const { url, method, json, form, headers, data } = await plannedRequest(api, options, request, context)
    rehearse(data)
    const answer = await api.call({
      what: 'submit the video',
      method,
      url,
      json,
      form,
      headers: { 'idempotency-key': context.idempotencyKey, ...headers, ...NO_GATEWAY_RETRIES },
      timeoutMs: options.createTimeoutMs,
      signal: context.signal,
      confirm: context.confirm,
      // APIs repeat the body in messages about it.
      ...(context.callbackUrl !== undefined && { secrets: [context.callbackUrl] }),
      maxBytes: options.maxAnswerBytes,
      isAnswer: (text, status) => isAcceptance(text, status, read),
      isRefusal: (status) => (options.serverErrors === 'refused' && SERVER_ERRORS.has(status) ? true : undefined),
    })
    return { answer, data }
  }
}

/** What `create` returns for a request whose submission is searched for: the prompts in it, and the data that is kept with the job. */
export async function sentSubmission(
  api: Api,
  options: ReturnType<typeof checkTaskApiOptions>,
  request: VideoRequest,
  context: FindContext,
): Promise<SentSubmission> {
  // The submission has given the warnings.
  const sent = await plannedRequest(api, options, request, { ...context, warn: () => undefined })
  const { mask } = await api.credentials(context.signal)
  return { prompts: sentPrompts(sent, request.prompt), data: maskedData(sent.data, mask) }
}

/** The request that `create` returns, checked. Nothing has been sent when this rejects. */
async function plannedRequest(
  api: Api,
  { name, model, create, createTimeoutMs, supports }: ReturnType<typeof checkTaskApiOptions>,
  request: VideoRequest,
  context: SubmitContext,
): Promise<CheckedRequest> {
  const { runId, idempotencyKey, callbackUrl, signal } = context
  const texts = requestTexts(request, model)
  const { copy, reads, listed } = withReads(texts)
  const files = new Set<string>()
  const toFile = (dataUrl: string) => {
    files.add(dataUrl)
    return fileOfText(dataUrl, texts)
  }
  const late = () => {
    const reason = `create() of ${name} did not settle within ${createTimeoutMs} ms; nothing was sent`
    return new NetworkError(`Could not submit the video: ${reason}`, { isRefusal: true })
  }
  const limit = { timeoutMs: createTimeoutMs, signal, error: late }
  const given = await withTimeLimit(limit, async () =>
    create(copy, { runId, idempotencyKey, callbackUrl, toFile }),
  ).catch((error: unknown) => {
    if (signal.aborted || isSoraPipelineError(error)) throw error
    const thrown = error instanceof Error ? `${error.name}: ${error.message}` : typeof error
    throw new ConfigurationError(name, [{ field: 'create()', value: thrown, fix: 'let it return', hasFailed: true }])
  })
  const checked = checkRequest(api, given, texts)
  const named = new Set<string>(supports ?? reads)
  const shown = (field: keyof TaskApiVideoRequest) => {
    const value = texts[field]
    return isShown(field, value, checked, request.prompt) || [value].flat().every((text) => files.has(String(text)))
  }
  const isSent = (field: keyof TaskApiVideoRequest) =>
    named.has(field) || (supports === undefined && listed.has(field) && shown(field))
  reportUnsent(request, isSent, { name, host: hostOf(api.origin), context })
  const isMerged = reads.has('providerOptions') || (listed.has('providerOptions') && shown('providerOptions'))
  return isMerged ? checked : merged(api, checked, request.providerOptions)
}

function merged(api: Api, checked: CheckedRequest, extra: JsonObject | undefined): CheckedRequest {
  if (extra === undefined || Object.keys(extra).length === 0) return checked
  const { json, form } = checked
  if (form !== undefined) {
    for (const [name, value] of Object.entries(extra)) {
      if (value !== undefined && value !== null) form.set(name, mergedText(form.get(name), value))
    }
    return checked
  }
  if (json !== undefined && !isRecord(json)) {
    const fix = 'return an object, into which providerOptions are merged, or read providerOptions'
    throw new ConfigurationError(api.subject, [{ field: 'create().body', value: 'not an object', fix }])
  }
  return { ...checked, json: mergedFields(json ?? {}, extra) as JsonObject }
}
