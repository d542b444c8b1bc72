import type { JsonValue } from '../contracts/json.js'

/** Reads the body of a request into the form of {@link SandboxRequest.body}. */
export async function readRequestBody(
  chunks: AsyncIterable<Uint8Array>,
  contentType: string | undefined,
): Promise<JsonValue | undefined> {
  const parts: Uint8Array[] = []
  for await (const chunk of chunks) parts.push(chunk)
  const bytes = Buffer.concat(parts)
  if (bytes.length === 0) return undefined
  try {
    if (isMultipart(contentType)) return await parseForm(bytes, contentType)
    if (/[/+]json\b/i.test(contentType ?? '')) return JSON.parse(bytes.toString('utf8'))
  } catch {
    // A body that does not match its type is kept as text; a route that needs more refuses it.
  }
  return bytes.toString('utf8')
}

/** Whether a body is a form with parts. */
export function isMultipart(contentType: string | undefined): contentType is string {
  return /^multipart\/form-data\b/i.test(contentType ?? '')
}

async function parseForm(bytes: Buffer<ArrayBuffer>, contentType: string): Promise<JsonValue> {
  const form = await new Response(bytes, { headers: { 'content-type': contentType } }).formData()
  const fields: Record<string, JsonValue> = {}
  for (const name of new Set(form.keys())) {
    const values = form.getAll(name).map(describeField)
    fields[name] = values.length === 1 && values[0] !== undefined ? values[0] : values
  }
  return fields
}

function describeField(value: string | File): JsonValue {
  if (typeof value === 'string') return value
  return { filename: value.name, mediaType: value.type, byteLength: value.size }
}
