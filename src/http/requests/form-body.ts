import { HttpRefusal } from '../http-refusal.js'

/** How many parts a form may have. */
export const MAX_FORM_PARTS = 100
const MAX_HEAD_BYTES = 8192
const DASH = 0x2d

/**
 * Parses a body as `multipart/form-data`, through the platform's own parser.
 *
 * @param contentType - The header as it came, with the boundary.
 * @throws HttpRefusal 400 `invalid_form`: without a boundary or an end, with a part that cannot be read, with too many parts.
 */
export async function parseFormBody(bytes: Uint8Array<ArrayBuffer>, contentType: string): Promise<FormData> {
  const boundary = boundaryOf(contentType)
  if (boundary === undefined) throw notForm('its content type names no boundary')
  checkParts(bytes, boundary)
  try {
    // Of the header no more than was read of it: the parser must not see another boundary in it.
    const headers = { 'content-type': `multipart/form-data; boundary="${boundary}"` }
    return await new Response(bytes, { headers }).formData()
  } catch (cause) {
    throw notForm('one of its parts cannot be read', cause)
  }
}

function boundaryOf(contentType: string): string | undefined {
  const [, quoted, token] = /;[ \t]*boundary=(?:"([^"]{1,70})"|([^\s;"]{1,70}))[ \t]*(?:;|$)/i.exec(contentType) ?? []
  return quoted ?? token
}

// The platform makes several objects of each part and of each header, so they are counted before there are any.
function checkParts(bytes: Uint8Array<ArrayBuffer>, boundary: string): void {
  const body = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const delimiter = `--${boundary}`
  let count = 0
  for (let at = body.indexOf(delimiter); at !== -1; at = body.indexOf(delimiter, at + delimiter.length)) {
    const head = body.subarray(at + delimiter.length, at + delimiter.length + MAX_HEAD_BYTES)
    if (head[0] === DASH && head[1] === DASH) return
    if (!head.includes('\r\n\r\n')) throw notForm('the headers of a part have no end, or are too long')
    count += 1
    if (count > MAX_FORM_PARTS) throw notForm(`it has more than ${MAX_FORM_PARTS} parts`)
  }
  throw notForm('it breaks off before its last boundary')
}

function notForm(problem: string, cause?: unknown): HttpRefusal {
  return new HttpRefusal(
    { status: 400, code: 'invalid_form', message: `Could not read the body as a form: ${problem}` },
    { cause },
  )
}
