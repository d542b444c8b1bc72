import * as z from 'zod/mini'
import { isSoraPipelineError } from '../../../contracts/errors.js'
import type { JsonValue } from '../../../contracts/json.js'
import { mayHaveBeenAccepted } from '../../../contracts/submission.js'
import { NetworkError, UpstreamResponseError } from '../../../contracts/upstream-errors.js'
import { withDeadline } from '../../../timing/deadline.js'
import { type Answer, isOk } from '../../../upstream/answer.js'
import { answerError } from '../../../upstream/answer-error.js'
import { discard } from '../../../upstream/body-text.js'
import { excerptOf } from '../../../upstream/error-details.js'
import { isRecord } from '../../../upstream/is-record.js'
import { readJsonAnswer } from '../../../upstream/json-answer.js'
import { declaredMediaType } from '../../../upstream/media-type.js'
import { type FailedExchange, hostOf, networkFailure, timeoutFailure } from '../../../upstream/network-failure.js'
import { send } from '../../../upstream/request.js'
import { type Mask, maskOf } from '../../../upstream/secret.js'
import { readSse } from '../../../upstream/sse.js'
import { withTimeLimit } from '../../../upstream/time-limit.js'
import type { Url2driveEndpoint, Url2driveSpace } from './url2drive-endpoint.js'
import { url2driveFailure } from './url2drive-failure.js'

/** The output of a Space. */
export interface Url2driveOutput {
  /** The first output of the function. */
  readonly output: unknown
  readonly host: string
  readonly mask: Mask
  /** Secrets that must not be passed on. */
  readonly secrets: readonly string[]
}

/** The end of a stream: its last event, parsed. */
interface LastEvent extends Pick<Url2driveOutput, 'host' | 'mask' | 'secrets'> {
  readonly event: string
  readonly data: unknown
}

const FOLLOW = 'follow the upload'
const submittedSchema = z.looseObject({ event_id: z.string().check(z.regex(/^[\w-]{1,100}$/)) })

/**
 * Submits an upload to a Space, and resolves to the id of the event under which it can be followed.
 * @throws UpstreamHttpError with status 404 when the function does not exist at that prefix.
 * @throws OverloadedError when the queue of the Space is full.
 * @throws NetworkError or UpstreamResponseError, not retryable, when the Space may have accepted the upload.
 */
export async function submitUpload(
  { api, apiName, timeoutMs, context, secrets }: Url2driveSpace,
  { prefix }: Url2driveEndpoint,
  data: readonly JsonValue[],
): Promise<string> {
  const { signal } = context
  const url = api.address(`${prefix}/call/${apiName}`)
  try {
    const call = { what: 'submit the upload to the Space', method: 'POST', url, json: { data: [...data] } } as const
    return readJsonAnswer(await api.call({ ...call, timeoutMs, signal, secrets }), submittedSchema).event_id
  } catch (error) {
    if (signal.aborted) throw signal.reason
    throw mayHaveBeenAccepted(error) ? unknownOutcome(error) : error
  }
}

/**
 * Follows an upload to its end. The stream of a Space cannot be resumed, so any loss of it leaves the outcome
 * unknown. An abort closes it: the Space drops an upload that still waits in its queue, and finishes one that runs.
 * @throws NetworkError or UpstreamResponseError, not retryable, when the stream is lost; the file may still be in
 * Drive.
 * @throws the error of `url2driveFailure` when the function of the Space fails.
 */
export async function followUpload(
  space: Url2driveSpace,
  { prefix }: Url2driveEndpoint,
  eventId: string,
): Promise<Url2driveOutput> {
  const { api, apiName, context, uploadTimeoutMs } = space
  const { signal, clock } = context
  const url = api.address(`${prefix}/call/${apiName}/${eventId}`)
  const tooLate = () => timeoutFailure({ what: FOLLOW, url, mask: maskOf(space.secrets) }, uploadTimeoutMs)
  let last: LastEvent
  try {
    last = await withDeadline({ clock, signal, timeoutMs: uploadTimeoutMs, error: tooLate }, (limit) =>
      lastEvent(space, url, limit.signal),
    )
  } catch (error) {
    if (signal.aborted) throw signal.reason
    throw unknownOutcome(error)
  }
  const { event, data, host, mask, secrets } = last
  if (event === 'error') throw url2driveFailure(textOf(data), host, mask)
  return { output: Array.isArray(data) ? data[0] : undefined, host, mask, secrets }
}

async function lastEvent(space: Url2driveSpace, url: string, signal: AbortSignal): Promise<LastEvent> {
  const { api, context, timeoutMs, idleTimeoutMs } = space
  const { headers, secrets: known } = await api.credentials(signal)
  const secrets = [...known, ...space.secrets]
  const exchange = { what: FOLLOW, url, mask: maskOf(secrets) }
  const { mask } = exchange
  const host = hostOf(url)
  const response = await openStream(space, exchange, { headers, timeoutMs, signal })
  for await (const { event, data } of readSse(response, { ...exchange, clock: context.clock, signal, idleTimeoutMs })) {
    context.report({ phase: 'uploading' })
    if (event !== 'complete' && event !== 'error') continue
    const parsed = parse(data, exchange)
    // A text comes from the queue of the Space, not from its function: the state of the function is unknown.
    if (event === 'complete' || typeof parsed !== 'string') return { event, data: parsed, host, mask, secrets }
    throw lost(exchange, `${host} says ${excerptOf(parsed, mask)}`)
  }
  throw lost(exchange, `${host} ended the stream without a result`)
}

async function openStream(
  { api }: Url2driveSpace,
  exchange: FailedExchange,
  {
    headers,
    timeoutMs,
    signal,
  }: Pick<Url2driveSpace, 'timeoutMs'> & { headers: Record<string, string>; signal: AbortSignal },
): Promise<Answer> {
  const { url } = exchange
  try {
    const error = () => timeoutFailure(exchange, timeoutMs)
    return await withTimeLimit({ timeoutMs, signal, error }, async (limited) => {
      const accept = { accept: 'text/event-stream', ...headers }
      const response = await send({ method: 'GET', url, headers: accept, signal: limited, fetch: api.fetch })
      if (!isOk(response)) {
        const { text } = await response.read(64_000, limited)
        throw answerError({ ...exchange, status: response.status, headers: response.headers, text })
      }
      const mediaType = declaredMediaType(response.headers)
      if (mediaType === 'text/event-stream') return response
      discard(response.body)
      throw lost(
        exchange,
        `${hostOf(url)} answered with ${exchange.mask(mediaType ?? 'no media type')} instead of a stream`,
      )
    })
  } catch (error) {
    throw networkFailure(error, exchange, signal)
  }
}

function parse(data: string, exchange: FailedExchange): unknown {
  try {
    return JSON.parse(data)
  } catch {
    // The parser's own message quotes the text, so it is not kept as a cause.
    throw lost(exchange, `${hostOf(exchange.url)} sent a result that is not JSON`)
  }
}

function lost({ what, url, mask }: FailedExchange, problem: string): UpstreamResponseError {
  return new UpstreamResponseError(`Could not ${what}: ${problem}`, { url: mask(url) })
}

/** Up to Gradio 6.12 a failed function reports nothing; later versions report `{ error }`, which may be `null`. */
function textOf(data: unknown): string {
  return isRecord(data) && typeof data.error === 'string' ? data.error : ''
}

// Not retryable: a second upload would leave a second file beside one that may already exist.
function unknownOutcome(error: unknown): unknown {
  if (!isSoraPipelineError(error)) return error
  const message = `Could not learn how the upload ended: ${error.message}; the file may be in Google Drive`
  const options = { cause: error, isRetryable: false }
  return error instanceof NetworkError
    ? new NetworkError(message, options)
    : new UpstreamResponseError(message, options)
}
