import { checkOptions, type OptionRules } from '../../contracts/check-options.js'
import type { JsonValue } from '../../contracts/json.js'
import { number, rule } from '../../contracts/option-rules.js'
import type { FaultHandler } from './fault-connection.js'

/** An HTTP answer, correct or not. */
export interface ReplyOptions {
  /**
   * HTTP status, a whole number from 0 to 999, also one that does not exist. Any other number is refused.
   * @defaultValue `200`
   */
  readonly status?: number | undefined
  /**
   * Headers that replace those of a correct answer, even with wrong values: a `content-length` that is too large,
   * several (`['10', '20']`), or none (`[]`). With `transfer-encoding: chunked` the body is sent as one chunk.
   * @defaultValue `content-length` and `connection: close`
   */
  readonly headers?: Readonly<Record<string, string | readonly string[]>> | undefined
  /** The body; a text is sent as UTF-8. @defaultValue `''` */
  readonly body?: string | Uint8Array | undefined
}

/** Headers to send, each with one value or several. */
export const REPLY_HEADERS = rule(
  (value) =>
    typeof value === 'object' && value !== null && !Array.isArray(value) && Object.values(value).flat().every(isText),
  "give an object of texts, or of lists of them, by header name, such as { 'retry-after': '2' }",
)

const WITHOUT_BODY: OptionRules<Omit<ReplyOptions, 'body'>> = {
  // Also a status that does not exist, which clients must survive.
  status: number(
    (value) => Number.isSafeInteger(value) && value >= 0 && value <= 999,
    'give a whole number from 0 to 999',
  ),
  headers: REPLY_HEADERS,
}

const RULES: OptionRules<ReplyOptions> = {
  ...WITHOUT_BODY,
  body: rule((value) => isText(value) || value instanceof Uint8Array, 'give a text or a Uint8Array'),
}

/**
 * Answers over HTTP/1.1 and closes the connection. `HEAD` gets only the headers.
 *
 * @example
 * ```ts
 * import { faultServer, reply } from 'sora-pipeline/testing'
 *
 * const server = await faultServer({ '/a': reply({ status: 503, headers: { 'retry-after': '1' } }) })
 * console.log((await fetch(`${server.origin}/a`)).status) // 503
 * await server.close()
 * ```
 */
export function reply(options: ReplyOptions = {}): FaultHandler {
  checkOptions('reply', options, RULES)
  const { status = 200, body: given = '' } = options
  const body = typeof given === 'string' ? Buffer.from(given) : given
  const headers = headersOf(options, status, body.byteLength)
  const isChunked = headers.get('transfer-encoding')?.includes('chunked') === true
  const lines = [...headers].flatMap(([name, values]) => values.map((value) => `${name}: ${value}\r\n`))
  const head = Buffer.from(`HTTP/1.1 ${status} Fault\r\n${lines.join('')}\r\n`, 'latin1')
  return async ({ request, send, end }) => {
    await send(head, 'head')
    if (request.method !== 'HEAD' && body.byteLength > 0) await send(isChunked ? asChunk(body) : body, 'body')
    if (request.method !== 'HEAD' && isChunked) await send(Buffer.from('0\r\n\r\n'), 'trailer')
    end('close')
  }
}

/** Answers with a JSON value; `options` are those of {@link reply}. */
export function replyJson(value: JsonValue, options: Omit<ReplyOptions, 'body'> = {}): FaultHandler {
  checkOptions('replyJson', options, WITHOUT_BODY)
  const headers = { 'content-type': 'application/json', ...options.headers }
  return reply({ ...options, headers, body: JSON.stringify(value) })
}

function isText(value: unknown): boolean {
  return typeof value === 'string'
}

function headersOf({ headers = {} }: ReplyOptions, status: number, byteLength: number): Map<string, readonly string[]> {
  const given = Object.entries(headers).map(
    ([name, value]) => [name.toLowerCase(), typeof value === 'string' ? [value] : value] as const,
  )
  const all = new Map<string, readonly string[]>([['connection', ['close']], ...given])
  const hasNoBody = status === 204 || status === 304
  if (!all.has('content-length') && !all.has('transfer-encoding') && !hasNoBody) {
    all.set('content-length', [String(byteLength)])
  }
  return all
}

function asChunk(body: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from(`${body.byteLength.toString(16)}\r\n`), body, Buffer.from('\r\n')])
}
