import { describeValue } from '../../contracts/errors.js'
import { HttpRefusal } from '../http-refusal.js'
import { type HeaderParameters, headerParameters } from './header-parameters.js'

/** A file of a form; can be the image of a `VideoRequest`. */
export interface FormFile {
  /** The content of the file. */
  readonly bytes: Uint8Array<ArrayBuffer>
  /** The media type of its part, in lower case and without parameters; `application/octet-stream` if missing. */
  readonly mediaType: string
  /** Name of the file in its part. */
  readonly fileName: string
}

/** A field of a form. */
export interface FormPart {
  readonly name: string
  readonly value: string | FormFile
}

/** Maximum parts of a form. */
export const MAX_FORM_PARTS = 100
const MAX_HEAD_BYTES = 8192
const [TAB, LF, CR, SPACE, DASH] = [0x09, 0x0a, 0x0d, 0x20, 0x2d]
const HEAD_END = '\r\n\r\n'

/**
 * Parses a body as `multipart/form-data`. Platform parsers are not used, because they accept different forms: clients
 * write `name=prompt` without quotes, `filename*=utf-8''…`, `\"` in a name, a preamble, or a part without a blank
 * line. Only ambiguous forms are refused.
 *
 * @param contentType - The unchanged header, with the boundary.
 * @throws HttpRefusal 400 `invalid_form`: without a boundary or an end, with an unreadable or unnamed part, with too
 * many parts.
 */
export function parseFormBody(bytes: Uint8Array<ArrayBuffer>, contentType: string): readonly FormPart[] {
  const boundary = headerParameters(contentType)?.get('boundary') ?? ''
  if (boundary === '' || boundary.length > 70) throw notForm('its content type names no boundary of 1 to 70 characters')
  const body = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const mark = Buffer.from(`\r\n--${boundary}`)
  const parts: FormPart[] = []
  let before = body.subarray(0, mark.length - 2).equals(mark.subarray(2))
    ? delimiterAt(body, mark, -2)
    : nextDelimiter(body, mark, 0)
  while (before?.next !== undefined) {
    if (parts.length === MAX_FORM_PARTS) throw notForm(`it has more than ${MAX_FORM_PARTS} parts`)
    // Starts two bytes earlier: without headers, the blank line is the end of the line before.
    const head = body.subarray(before.next - 2, before.next + MAX_HEAD_BYTES)
    const headLength = head.indexOf(HEAD_END)
    if (headLength === -1) throw notForm('the headers of a part have no end, or are too long')
    const headEnd = before.next - 2 + headLength
    // A part without a body may have one line end less.
    const after = nextDelimiter(body, mark, headEnd + 2)
    if (after === undefined) break
    const start = headEnd + HEAD_END.length
    const content = bytes.subarray(start, Math.max(start, after.at))
    parts.push(readPart(head.toString('utf8', 2, headLength), content, parts.length + 1))
    before = after
  }
  if (before === undefined || before.next !== undefined) throw notForm('it breaks off before its last boundary')
  return parts
}

/** A line with the boundary: where the part before it ends, and where the next one begins; the last has no next one. */
interface Delimiter {
  readonly at: number
  readonly next?: number
}

function nextDelimiter(body: Buffer, mark: Buffer, from: number): Delimiter | undefined {
  for (let at = body.indexOf(mark, from); at !== -1; at = body.indexOf(mark, at + mark.length)) {
    const delimiter = delimiterAt(body, mark, at)
    if (delimiter !== undefined) return delimiter
  }
  return undefined
}

// Any other text after the boundary is content.
function delimiterAt(body: Buffer, mark: Buffer, at: number): Delimiter | undefined {
  let end = at + mark.length
  if (body[end] === DASH && body[end + 1] === DASH) return { at }
  while (body[end] === SPACE || body[end] === TAB) end += 1
  return body[end] === CR && body[end + 1] === LF ? { at, next: end + 2 } : undefined
}

function readPart(head: string, content: Uint8Array<ArrayBuffer>, number: number): FormPart {
  const headers = readHead(head, number)
  const disposition = headers.get('content-disposition') ?? ''
  const parameters = headerParameters(disposition)
  if (!/^form-data[ \t]*(?:;|$)/i.test(disposition) || parameters === undefined) {
    throw notForm(`part ${number} has no Content-Disposition: form-data that can be read`)
  }
  const [name, fileName] = [nameOf(parameters, 'name'), nameOf(parameters, 'filename')]
  if (name === undefined || name === '') {
    const what = fileName === undefined ? `part ${number}` : `part ${number}, the file ${describeValue(fileName)},`
    throw notForm(`${what} has no name; give it one, such as name="input_reference"`)
  }
  const encoding = headers.get('content-transfer-encoding')?.trim() ?? ''
  if (!/^(?:|7bit|8bit|binary)$/i.test(encoding)) {
    throw notForm(`part ${number} is encoded as ${describeValue(encoding)}; send its bytes unencoded`)
  }
  const type = headers.get('content-type') ?? ''
  const mediaType = type.split(';', 1)[0]?.trim().toLowerCase() || 'application/octet-stream'
  // A copy: a file may be kept as long as its run, the body need not be.
  if (fileName !== undefined) return { name, value: { bytes: content.slice(), mediaType, fileName } }
  return { name, value: textOf(content, headerParameters(type)?.get('charset') ?? 'utf-8', number) }
}

function readHead(head: string, number: number): ReadonlyMap<string, string> {
  const headers = new Map<string, string>()
  const lines = head === '' ? [] : head.replace(/\r\n[ \t]+/g, ' ').split('\r\n')
  for (const line of lines) {
    const [, name, value = ''] = /^([\w!#$%&'*+.^`|~-]+):[ \t]*([^\0\r\n]*)$/.exec(line) ?? []
    if (name === undefined) throw notForm(`part ${number} has a header that cannot be read`)
    headers.set(name.toLowerCase(), value)
  }
  return headers
}

// Browsers escape only these three characters.
function nameOf(parameters: HeaderParameters, key: string): string | undefined {
  return parameters
    .get(key)
    ?.replace(/%(22|0d|0a)/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
}

// A text in a different encoding than declared would be paid for as different text.
function textOf(content: Uint8Array, charset: string, number: number): string {
  try {
    return new TextDecoder(charset, { fatal: true }).decode(content)
  } catch {
    throw notForm(`part ${number} is not text in ${describeValue(charset)}`)
  }
}

function notForm(problem: string): HttpRefusal {
  return new HttpRefusal({
    status: 400,
    code: 'invalid_form',
    message: `Could not read the body as a form: ${problem}`,
  })
}
