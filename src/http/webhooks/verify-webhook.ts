import { checkOptions, type OptionRules } from '../../contracts/check-options.js'
import type { Clock } from '../../contracts/clock.js'
import { describeValue } from '../../contracts/errors.js'
import { InvalidRequestError } from '../../contracts/input-errors.js'
import { number, required, ruleOf, withMethods } from '../../contracts/option-rules.js'
import { AuthenticationError } from '../../contracts/upstream-errors.js'
import { systemClock } from '../../timing/system-clock.js'
import { HttpRefusal } from '../http-refusal.js'
import { readBoundedBytes } from '../requests/bounded-bytes.js'
import { readWebhookEvent, type WebhookEvent } from './webhook-event.js'
import { isSignedBy, webhookSecretsOf, webhookSecretsProblem } from './webhook-signature.js'

/** A webhook as a server received it. */
export interface ReceivedWebhook {
  /** The raw body, before any parser, because the signature covers its bytes. A text is encoded as UTF-8. */
  readonly body: string | Uint8Array
  /** Names in any case; those of Node, Express and Fastify can be passed unchanged. */
  readonly headers: Headers | Readonly<Record<string, string | readonly string[] | undefined>>
}

/** Options of {@link verifyWebhook}. */
export interface VerifyWebhookOptions {
  /**
   * Secret that the webhooks are signed with: `whsec_` and base64, or any other text, which is encoded as UTF-8. Give
   * a list while a secret is being replaced: one of them has to match.
   */
  readonly secret: string | readonly string[]
  /**
   * Maximum difference between the time of the signature and the clock, before and after it, in milliseconds from 0.
   * Past it the webhook is refused with `AuthenticationError`; `Infinity` accepts any time.
   * @defaultValue `300_000` (5 min)
   */
  readonly toleranceMs?: number | undefined
  /** Clock that the time of the signature is compared with; only `now()` is read. @defaultValue the system clock */
  readonly clock?: Clock | undefined
}

const MOST_BYTES = 1_048_576
const DEFAULT_TOLERANCE_MS = 300_000

const RULES: OptionRules<VerifyWebhookOptions> = {
  secret: required(ruleOf((_, value) => webhookSecretsProblem(value))),
  toleranceMs: number((value) => value >= 0, 'give milliseconds from 0, or Infinity'),
  clock: withMethods('now'),
}

/**
 * Checks that a webhook was signed with the secret and is not an old one that is replayed, and reads its event. It
 * accepts the webhooks of `createHandler`, those in OpenAI's format, and any others that are signed as Standard
 * Webhooks v1 and contain `{ type, data: { id } }`.
 *
 * At most 1 MiB of a `Request` is read; pass `request.clone()` if its body is needed later. Within the tolerance
 * anyone who saw a webhook may replay it: process each `id` only once.
 *
 * @throws AuthenticationError for a signature that is missing or wrong, too old or from the future; the message does
 * not distinguish them.
 * @throws InvalidRequestError for a signed body that is not an event, and for a body that cannot be checked: a parsed
 * one, and one of a `Request` that was read already, breaks off or is longer than 1 MiB.
 * @throws signal.reason of a `Request` that is aborted.
 * @throws ConfigurationError when an option cannot work.
 *
 * @example
 * ```ts
 * import { verifyWebhook } from 'sora-pipeline/http'
 *
 * const seen = new Set<string>()
 *
 * export async function POST(request: Request): Promise<Response> {
 *   const event = await verifyWebhook(request, { secret: process.env['WEBHOOK_SECRET'] ?? '' })
 *   if (!seen.has(event.id) && event.type === 'video.completed') console.log('ready:', event.data.id)
 *   seen.add(event.id)
 *   return new Response(null, { status: 204 })
 * }
 * ```
 */
export async function verifyWebhook(
  webhook: ReceivedWebhook | Request,
  options: VerifyWebhookOptions,
): Promise<WebhookEvent> {
  checkOptions('verifyWebhook', options, RULES)
  const { secret, toleranceMs = DEFAULT_TOLERANCE_MS, clock = systemClock } = options
  const { headers } = webhook
  const id = onlyHeader(headers, 'webhook-id')
  const timestamp = onlyHeader(headers, 'webhook-timestamp')
  const signatures = headerValues(headers, 'webhook-signature').join(' ')
  // All checks without cost come before an unverified body is read.
  const isTimely = /^\d{1,12}$/.test(timestamp) && Math.abs(clock.now() - Number(timestamp) * 1_000) <= toleranceMs
  if (id === '' || signatures === '' || !isTimely) throw unauthentic()
  const signed = { id, timestamp, body: await bytesOf(webhook) }
  if (!(await isSignedBy(signed, signatures, webhookSecretsOf(secret)))) throw unauthentic()
  const event = readWebhookEvent(signed.body, signed)
  if (event !== undefined) return event
  throw invalidBody('no event', 'send a JSON object with a type and data that has an id')
}

function unauthentic(): AuthenticationError {
  // One sentence for every reason: a distinction would only help a forger.
  return new AuthenticationError('Could not verify the webhook: it has no valid signature of this time')
}

function invalidBody(value: string, fix: string, cause?: unknown): InvalidRequestError {
  return new InvalidRequestError([{ field: 'body', value, fix }], cause === undefined ? {} : { cause })
}

function headerValues(headers: ReceivedWebhook['headers'], name: string): readonly string[] {
  if ('get' in headers && typeof headers.get === 'function') return [headers.get(name) ?? ''].filter(Boolean)
  return Object.entries(headers)
    .filter(([key]) => key.toLowerCase() === name)
    .flatMap(([, value]) => value ?? [])
}

/** The value of a header that occurs once; otherwise an empty text. */
function onlyHeader(headers: ReceivedWebhook['headers'], name: string): string {
  const [value = '', ...more] = headerValues(headers, name)
  return more.length === 0 ? value : ''
}

async function bytesOf(webhook: ReceivedWebhook | Request): Promise<Uint8Array> {
  if ('arrayBuffer' in webhook) return readBytes(webhook)
  const { body } = webhook
  if (typeof body === 'string') return new TextEncoder().encode(body)
  // Not instanceof: the bytes may come from another realm, as under some test runners.
  if (ArrayBuffer.isView(body)) return new Uint8Array(body.buffer, body.byteOffset, body.byteLength)
  throw invalidBody(describeValue(body), 'give the raw body as text or bytes, before any parser')
}

async function readBytes(request: Request): Promise<Uint8Array> {
  try {
    return await readBoundedBytes(request, { maxBytes: MOST_BYTES })
  } catch (error) {
    if (!(error instanceof HttpRefusal)) throw error
    const fix = 'give the request, or a clone of it, before its body is read; the body has 1 MiB at most'
    throw invalidBody(error.code, fix, error)
  }
}
