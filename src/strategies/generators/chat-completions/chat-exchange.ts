import type { Clock } from '../../../contracts/clock.js'
import type { JsonObject } from '../../../contracts/json.js'
import { UpstreamResponseError } from '../../../contracts/upstream-errors.js'
import { abortable } from '../../../upstream/abortable.js'
import { type Answer, isOk } from '../../../upstream/answer.js'
import { answerError } from '../../../upstream/answer-error.js'
import type { Api, ApiCredentials } from '../../../upstream/api.js'
import { discard, readBodyText } from '../../../upstream/body-text.js'
import { NO_GATEWAY_RETRIES } from '../../../upstream/gateway-retries.js'
import { isRecord } from '../../../upstream/is-record.js'
import { jsonOf } from '../../../upstream/json-of.js'
import { hostOf, timeoutFailure } from '../../../upstream/network-failure.js'
import { send } from '../../../upstream/request.js'
import { readSse } from '../../../upstream/sse.js'
import { withTimeLimit } from '../../../upstream/time-limit.js'
import type { ChatTranscript } from './chat-transcript.js'

/** One request, and the transcript of its answer. */
export interface ChatExchange {
  readonly api: Api
  readonly url: string
  readonly credentials: ApiCredentials
  readonly body: JsonObject
  readonly transcript: ChatTranscript
  /** Longest silence, in milliseconds. */
  readonly idleTimeoutMs: number
  /** Maximum decoded bytes of a whole answer, and of one event. */
  readonly maxBytes: number
  /** Whether a status outside 2xx proves that nothing was accepted; `undefined` applies the default rule. */
  readonly isRefusal: (status: number) => boolean | undefined
  readonly clock: Clock
  readonly signal: AbortSignal
}

const WHAT = 'generate the video'
const MOST_ERROR_BYTES = 64_000

/**
 * Sends the request once and reads the answer into the transcript: a stream event by event, or a whole completion of
 * a server that does not stream. The first bytes decide which one it is, because media types are unreliable. The
 * connection is closed when the reading ends; the upstream may continue the job, at its price.
 */
export async function chatExchange(exchange: ChatExchange): Promise<void> {
  const closing = new AbortController()
  try {
    await converse({ ...exchange, signal: AbortSignal.any([exchange.signal, closing.signal]) })
  } finally {
    closing.abort()
  }
}

async function converse(exchange: ChatExchange): Promise<void> {
  const { api, url, credentials, body, transcript, idleTimeoutMs, maxBytes, clock, signal } = exchange
  const { mask } = credentials
  const place = { what: WHAT, url, mask }
  const bounded = <T>(step: (limited: AbortSignal) => Promise<T>) =>
    withTimeLimit({ timeoutMs: idleTimeoutMs, signal, error: () => timeoutFailure(place, idleTimeoutMs) }, step)
  const accept = 'text/event-stream, application/json'
  const headers = { accept, ...credentials.headers, ...NO_GATEWAY_RETRIES }
  const response = await bounded(() =>
    send({ method: 'POST', url, json: body, headers, signal, fetch: api.fetch, agent: api.agent }),
  )
  const { status } = response
  if (!isOk(response)) {
    const { text } = await bounded((limited) => response.read(MOST_ERROR_BYTES, limited))
    const submission = { isSubmission: true, isRefusal: exchange.isRefusal(status) }
    throw answerError({ ...place, ...submission, status, headers: response.headers, text })
  }
  transcript.begin(response.headers)
  const { start, answer } = await bounded((limited) => peek(response, limited))
  if (/[{[<]/.test(start)) {
    const { text, isCut } = await bounded((limited) => readBodyText(answer, maxBytes, limited))
    if (isCut) {
      const message = `Could not ${WHAT}: ${hostOf(url)} answered with more than ${maxBytes} bytes`
      throw new UpstreamResponseError(message, { url: mask(url), isRetryable: false })
    }
    for (const part of chunksIn(text)) if (transcript.add(part) === 'end') return
    return
  }
  for await (const { event, data } of readSse(answer, {
    ...place,
    clock,
    signal,
    idleTimeoutMs,
    maxEventBytes: maxBytes,
    // Servers omit the last blank line, and connections break before it: the address in such an event is paid for.
    isComplete: (data) => isRecord(jsonOf(data)),
  })) {
    if (transcript.add(event === 'error' ? asError(data) : data) === 'end') return
  }
}

// The data of an event that is an error by its name.
function asError(data: string): string {
  const body = jsonOf(data)
  return isRecord(body) && 'error' in body ? data : JSON.stringify({ error: body ?? data })
}

// One answer, or a chunk a line of a server that omits `data:`.
function chunksIn(text: string): readonly string[] {
  const lines = text.split('\n').filter((line) => line.trim() !== '')
  return lines.length > 1 && lines.every((line) => isObject(line)) ? lines : [text]
}

function isObject(line: string): boolean {
  return /^\s*\{.*\}\s*$/.test(line) || line.trim() === '[DONE]'
}

type Body = Pick<Answer, 'body'>

/** The first character of a body that is not blank, and the body unread. */
async function peek(response: Body, signal: AbortSignal): Promise<{ start: string; answer: Body }> {
  if (response.body === null) return { start: '', answer: response }
  const [seen, whole] = response.body.tee()
  const reader = (seen as ReadableStream<Uint8Array>).getReader()
  const decoder = new TextDecoder()
  try {
    for (;;) {
      const { done, value } = await abortable(signal, reader.read())
      const start = done ? '' : decoder.decode(value, { stream: true }).trimStart().slice(0, 1)
      if (done || start !== '') return { start, answer: { body: whole } }
    }
  } finally {
    discard(reader)
  }
}
