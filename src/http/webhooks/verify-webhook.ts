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
  /** The raw body, before any parser: a signature is of bytes. A text is taken as UTF-8. */
  readonly body: string | Uint8Array
  /** In any case; those of Node, Express and Fastify as they are. */
  readonly headers: Headers | Readonly<Record<string, string | readonly string[] | undefined>>
}

/** Options of {@link verifyWebhook}. */
export interface VerifyWebhookOptions {
  /**
   * Secret that the webhooks are signed with: `whsec_` and base64, or any other text, which is taken as UTF-8. Give a list
   * while a secret is being changed: one of them has to fit.
   */
  readonly secret: string | readonly string[]
  /**
   * How far the time of the signature may be from the clock, before it and after it, in milliseconds from 0. Further away
   * the webhook is refused with `AuthenticationError`; `Infinity` takes any time.
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
 * Checks that a webhook comes from who has the secret and is not an old one sent again, and reads its event. It takes the webhooks
 * that `createHandler` sends, those of OpenAI's shape, and any others that are signed as Standard Webhooks v1 and have
 * `{ type, data: { id } }`.
 *
 * A `Request` is read, at most 1 MiB of it; one whose body is needed later is given as `request.clone()`. Within the tolerance the
 * same webhook may be sent again by anybody who saw it: do nothing twice for one `id`.
 *
 * @throws AuthenticationError for a signature that is missing or wrong, and one from too long ago or from the future; the message
 * does not tell which.
 * @throws InvalidRequestError for a signed body that is no event, and for a body that cannot be checked: a parsed one, and one of a
 * `Request` that was read already, breaks off or is longer than 1 MiB.
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
  // All that costs nothing comes before the body of a stranger is read.
  const isTimely = /^\d{1,12}$/.test(timestamp) && Math.abs(clock.now() - Number(timestamp) * 1_000) <= toleranceMs
  if (id === '' || signatures === '' || !isTimely) throw unauthentic()
  const signed = { id, timestamp, body: await bytesOf(webhook) }
  if (!(await isSignedBy(signed, signatures, webhookSecretsOf(secret)))) throw unauthentic()
  const event = readWebhookEvent(signed.body, signed)
  if (event !== undefined) return event
  throw invalidBody('no event', 'send a JSON object with a type and data that has an id')
}

function unauthentic(): AuthenticationError {
  // One sentence for every reason: which of them it is helps nobody but a forger.
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

/** The value of a header that is there once; an empty text otherwise. */
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
  throw invalidBody(describeValue(body), 'give the raw body, as text or bytes, as it was before a parser had it')
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
