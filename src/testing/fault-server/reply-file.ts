import { checkOptions, type OptionRules } from '../../contracts/check-options.js'
import { choice, rule, text } from '../../contracts/option-rules.js'
import type { FaultConnection, FaultHandler } from './fault-connection.js'
import { REPLY_HEADERS, type ReplyOptions, reply } from './reply.js'

/** How a file is served. */
export interface ReplyFileOptions {
  /** Headers that replace the correct ones, even with wrong values. @defaultValue the correct headers */
  readonly headers?: ReplyOptions['headers']
  /** Media type of the file. @defaultValue `'video/mp4'` */
  readonly mediaType?: string | undefined
  /**
   * `honoured` sends the requested part; `ignored` always sends the whole file; `shifted` sends a part whose
   * announced start is one byte too high.
   * @defaultValue `'honoured'`
   */
  readonly ranges?: 'honoured' | 'ignored' | 'shifted' | undefined
  /** Tag of the file. With a list it changes call by call, as if the file changed. @defaultValue `'"1"'` */
  readonly etag?: string | readonly string[] | undefined
}

const RULES: OptionRules<ReplyFileOptions> = {
  headers: REPLY_HEADERS,
  mediaType: text("give a media type, such as 'video/mp4'"),
  ranges: choice('honoured', 'ignored', 'shifted'),
  etag: rule(
    (value) => [value].flat().every((tag) => typeof tag === 'string'),
    'give a text with its quotes, or a list of them',
  ),
}

/** Serves a file: whole, or the part of a `Range` of the form `bytes=5-` or `bytes=5-9`. */
export function replyFile(bytes: Uint8Array, options: ReplyFileOptions = {}): FaultHandler {
  checkOptions('replyFile', options, RULES)
  const { mediaType = 'video/mp4', ranges = 'honoured', etag = '"1"' } = options
  const etags = typeof etag === 'string' ? [etag] : etag
  let calls = 0
  return (connection) => {
    const present = etags[Math.min(calls, etags.length - 1)] ?? '"1"'
    calls += 1
    const range = ranges === 'ignored' ? undefined : rangeOf(connection, present)
    const headers = { 'content-type': mediaType, 'accept-ranges': 'bytes', etag: present }
    const send = (answer: ReplyOptions) =>
      reply({ ...answer, headers: { ...headers, ...answer.headers, ...options.headers } })(connection)
    if (range === undefined) return send({ body: bytes })
    const { start, end = bytes.byteLength - 1 } = range
    const part = bytes.subarray(start, end + 1)
    if (part.byteLength === 0) return send({ status: 416, headers: { 'content-range': `bytes */${bytes.byteLength}` } })
    const said = ranges === 'shifted' ? start + 1 : start
    const contentRange = `bytes ${said}-${said + part.byteLength - 1}/${bytes.byteLength}`
    return send({ status: 206, headers: { 'content-range': contentRange }, body: part })
  }
}

function rangeOf(
  { request }: FaultConnection,
  etag: string,
): { readonly start: number; readonly end?: number } | undefined {
  const { range, 'if-range': condition = etag } = request.headers
  const match = /^bytes=(\d+)-(\d*)$/.exec(range ?? '')
  if (match?.[1] === undefined || condition !== etag) return undefined
  return { start: Number(match[1]), ...(match[2] && { end: Number(match[2]) }) }
}
