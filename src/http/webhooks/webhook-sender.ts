import type { LookupFunction } from 'node:net'
import { throwProblems } from '../../contracts/check-options.js'
import type { Clock } from '../../contracts/clock.js'
import { describeValue, type SoraPipelineErrorJson, toErrorJson } from '../../contracts/errors.js'
import { InvalidRequestError } from '../../contracts/input-errors.js'
import { aTimeout, whole } from '../../contracts/option-rules.js'
import { UpstreamHttpError } from '../../contracts/upstream-errors.js'
import { backgroundClock } from '../../timing/system-clock.js'
import { allowPrivateAddressesProblem } from '../../upstream/download/allowed-destinations.js'
import { AddressRefusedError } from '../../upstream/download/guarded-exchange.js'
import { createPoster, type PostAnswer } from '../../upstream/download/poster.js'
import { retryAfterMs } from '../../upstream/retry-after.js'
import { checkWebhookUrl, type WebhookUrlOptions } from './check-webhook-url.js'
import type { OutgoingWebhook, WebhookAttempt, WebhookDelivery } from './webhook-delivery.js'
import { signWebhook, webhookSecretsOf, webhookSecretsProblem } from './webhook-signature.js'

/** Options of {@link createWebhookSender}. */
export interface WebhookSenderOptions extends WebhookUrlOptions {
  /**
   * The signing secret: `whsec_` and base64, or any other text. Each secret of a list signs, because a receiver may
   * have any of them.
   */
  readonly secret: string | readonly string[]
  /**
   * Maximum retries, a whole number from 0: within 5 s, 5 min, 30 min, 2 h, 5 h and 10 h after the previous failure,
   * and every further one within 10 h.
   * @defaultValue 6
   */
  readonly retries?: number | undefined
  /**
   * Milliseconds of wall time until the answer of one attempt; above 0.
   * @defaultValue 15,000
   */
  readonly timeoutMs?: number | undefined
  /** Called for each attempt. An error that it throws is ignored. */
  readonly onAttempt?:
    | ((attempt: WebhookAttempt, delivery: { readonly id: string; readonly host: string }) => void)
    | undefined
  /** @defaultValue the system clock; its waits do not keep the process alive */
  readonly clock?: Clock | undefined
  /** Returns a number from 0 up to 1. @defaultValue `Math.random` */
  readonly random?: (() => number) | undefined
  /** Replaces the machine's own lookup of host names. */
  readonly lookup?: LookupFunction | undefined
}

/** Sends webhooks. */
export interface WebhookSender {
  /**
   * Sends one webhook, with attempts hours apart, and resolves with the outcome. It never rejects.
   * @param options - An abort of `signal` ends an attempt or a wait at once; the outcome is `stopped`.
   */
  send(
    url: string,
    webhook: OutgoingWebhook,
    options?: { readonly signal?: AbortSignal | undefined },
  ): Promise<WebhookDelivery>
}

/** How a webhook is sent that processes share. */
export interface SendingOptions {
  /** Ends an attempt or a wait at once. */
  readonly signal?: AbortSignal | undefined
  /** Number of attempts that were made before. @defaultValue 0 */
  readonly made?: number | undefined
  /** Called before each attempt with its number, from 1; `false` stops. An error is rethrown. */
  readonly before?: ((attempt: number) => Promise<boolean>) | undefined
  /** Called before each wait with the number of the attempt that failed; `false` stops. An error is rethrown. */
  readonly after?: ((attempt: number, waitMs: number) => Promise<boolean>) | undefined
}

/** Sends one webhook. */
export type SendWebhook = (url: string, webhook: OutgoingWebhook, options?: SendingOptions) => Promise<WebhookDelivery>

/** The result of one attempt. */
interface Tried {
  readonly answer?: PostAnswer
  readonly error?: unknown
}

const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const STEPS_MS = [5 * SECOND, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR]
const WHAT = 'deliver the webhook'

/**
 * Creates a sender of webhooks in OpenAI's format, signed as Standard Webhooks v1. Their destinations are restricted
 * by {@link checkWebhookUrl} and a checked lookup for each attempt, no redirect is followed, and the answer's body is
 * discarded. A failed attempt is retried with the same `webhook-id` and a new signature, at a random time of a
 * growing span, not before a `Retry-After` that is shorter than the span. Pending webhooks are kept only in memory.
 * @throws ConfigurationError when an option cannot work.
 */
export function createWebhookSender(options: WebhookSenderOptions): WebhookSender {
  const send = webhookSending(options)
  return { send: (url, webhook, { signal } = {}) => send(url, webhook, { signal }) }
}

/** Sends like {@link createWebhookSender}, and continues what another process began. */
export function webhookSending(options: WebhookSenderOptions): SendWebhook {
  checkSenderOptions(options)
  const { retries = 6, timeoutMs, clock = backgroundClock, random = Math.random, onAttempt, lookup } = options
  const { allowPrivateAddresses } = options
  const secrets = webhookSecretsOf(options.secret)
  const exceptionsOption = 'webhookAllowPrivateAddresses'
  const post = createPoster({ allowPrivateAddresses, exceptionsOption, lookup, headerTimeoutMs: timeoutMs })

  async function attempt(url: URL, id: string, body: Uint8Array<ArrayBuffer>, signal: AbortSignal): Promise<Tried> {
    try {
      const timestamp = String(Math.floor(clock.now() / 1_000))
      const headers = {
        'content-type': 'application/json',
        'user-agent': 'sora-pipeline',
        'webhook-id': id,
        'webhook-timestamp': timestamp,
        'webhook-signature': await signWebhook({ id, timestamp, body }, secrets),
      }
      const answer = await post(url.href, { what: WHAT, headers, body, signal })
      const { status } = answer
      if (status >= 200 && status < 300) return { answer }
      const message = `Could not ${WHAT}: ${url.host} answered ${status}`
      return { answer, error: new UpstreamHttpError(message, { status }) }
    } catch (error) {
      return { error }
    }
  }

  return async (address, webhook, { signal = new AbortController().signal, made = 0, before, after } = {}) => {
    const id = webhook.id ?? `evt_${crypto.randomUUID().replaceAll('-', '')}`
    const host = URL.canParse(address) ? new URL(address).host : ''
    const attempts: WebhookAttempt[] = []
    const end = (outcome: WebhookDelivery['outcome'], error: SoraPipelineErrorJson | undefined) => {
      return { id, host, outcome, attempts, ...(error !== undefined && { error }) }
    }
    let url: URL
    let body: Uint8Array<ArrayBuffer>
    try {
      url = checkWebhookUrl(address, { allowPrivateAddresses })
      body = bodyOf(webhook, id, clock.now())
    } catch (error) {
      return end('refused', toErrorJson(error))
    }
    for (let number = made + 1; ; number += 1) {
      if (before !== undefined && !(await before(number))) return end('stopped', attempts.at(-1)?.error)
      const [at, startedAt] = [clock.now(), clock.monotonic()]
      const { answer, error } = await attempt(url, id, body, signal)
      if (signal.aborted && answer === undefined) return end('stopped', attempts.at(-1)?.error)
      const tried: WebhookAttempt = {
        at,
        durationMs: clock.monotonic() - startedAt,
        ...(answer !== undefined && { status: answer.status }),
        ...(error !== undefined && { error: toErrorJson(error) }),
      }
      attempts.push(tried)
      report(onAttempt, tried, { id, host })
      if (error === undefined) return end('delivered', undefined)
      if (answer?.status === 410) return end('gone', tried.error)
      if (error instanceof AddressRefusedError) return end('refused', tried.error)
      if (number > retries) return end('exhausted', tried.error)
      const stepMs = STEPS_MS[Math.min(number, STEPS_MS.length) - 1] ?? 0
      const ms = waitMs(stepMs, answer?.headers, clock.now(), random())
      if (after !== undefined && !(await after(number, ms))) return end('stopped', tried.error)
      try {
        await clock.sleep(ms, { signal })
      } catch {
        return end('stopped', tried.error)
      }
    }
  }
}

function waitMs(stepMs: number, headers: Headers | undefined, now: number, random: number): number {
  const askedMs = (headers && retryAfterMs(headers, now, stepMs)) ?? 0
  return Math.round(askedMs + random * (stepMs - askedMs))
}

function bodyOf({ type, data, createdAt }: OutgoingWebhook, id: string, now: number): Uint8Array<ArrayBuffer> {
  if (!/^[\w-]{1,200}$/.test(id)) {
    const fix = 'give at most 200 letters, digits, _ and -'
    throw new InvalidRequestError([{ field: 'id', value: describeValue(id), fix }])
  }
  const created = Math.floor((createdAt ?? now) / 1_000)
  const event = { id, object: 'event', created_at: created, type, data: { id: data.id } }
  return new TextEncoder().encode(JSON.stringify(event))
}

function report(
  onAttempt: WebhookSenderOptions['onAttempt'],
  ...attempt: Parameters<NonNullable<typeof onAttempt>>
): void {
  const call = async () => onAttempt?.(...attempt)
  call().catch(() => undefined) // A listener must not affect the delivery.
}

function checkSenderOptions({ secret, retries, timeoutMs, allowPrivateAddresses }: WebhookSenderOptions): void {
  throwProblems('createWebhookSender', [
    webhookSecretsProblem(secret),
    ...(retries === undefined ? [] : whole(0).problems('retries', retries)),
    ...(timeoutMs === undefined ? [] : aTimeout.problems('timeoutMs', timeoutMs)),
    allowPrivateAddressesProblem(allowPrivateAddresses),
  ])
}
