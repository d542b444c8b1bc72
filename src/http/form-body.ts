import { HttpRefusal } from './http-refusal.js'

/** How many parts a form may have. */
export const MAX_FORM_PARTS = 100

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
    return await new Response(bytes, { headers: { 'content-type': contentType } }).formData()
  } catch (cause) {
    throw notForm('one of its parts cannot be read', cause)
  }
}

function boundaryOf(contentType: string): string | undefined {
  const [, quoted, token] = /;[ \t]*boundary=(?:"([^"]{1,70})"|([^\s;"]{1,70}))[ \t]*(?:;|$)/i.exec(contentType) ?? []
  return quoted ?? token
}

// Each part becomes several objects of the platform, so they are counted before there are any.
function checkParts(bytes: Uint8Array<ArrayBuffer>, boundary: string): void {
  const body = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const delimiter = `--${boundary}`
  let count = 0
  for (let at = body.indexOf(delimiter); at !== -1; at = body.indexOf(delimiter, at + delimiter.length)) {
    count += 1
    if (count > MAX_FORM_PARTS + 1) throw notForm(`it has more than ${MAX_FORM_PARTS} parts`)
  }
  if (body.lastIndexOf(`${delimiter}--`) === -1) throw notForm('it breaks off before its last boundary')
}

function notForm(problem: string, cause?: unknown): HttpRefusal {
  return new HttpRefusal(
    { status: 400, code: 'invalid_form', message: `Could not read the body as a form: ${problem}` },
    { cause },
  )
}
