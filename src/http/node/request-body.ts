import { ConfigurationError } from '../../contracts/input-errors.js'
import { declaredMediaType } from '../../upstream/media-type.js'
import type { HeaderLookup } from '../incoming.js'
import { bodyStream } from './body-stream.js'
import type { NodeRequest } from './node-messages.js'

/** The body of a request, for a Fetch `Request`. */
export interface NodeBody {
  readonly content: ReadableStream<Uint8Array> | Uint8Array<ArrayBuffer>
  /** Whether the bytes differ from those that were received, so that the headers about the bytes are wrong. */
  readonly isRebuilt: boolean
}

/**
 * The body of a Node request; `undefined` if there is none. If a body parser has read it, its result is used: the
 * bytes of `rawBody`, or `body` as text, bytes, a form or JSON.
 *
 * @throws ConfigurationError when the body was read before and not kept.
 */
export function requestBody(request: NodeRequest, headers: Headers): NodeBody | undefined {
  if (!hasBody(request, headers)) return undefined
  if (!request.readableDidRead && !request.readableEnded) return { content: bodyStream(request), isRebuilt: false }
  return { content: parsedBody(request, headers), isRebuilt: true }
}

/** Whether a request has a body, also an empty one of unknown length. */
export function hasBody({ method, stream, httpVersionMajor }: NodeRequest, headers: HeaderLookup): boolean {
  if (method === undefined || /^(?:GET|HEAD)$/i.test(method)) return false
  if (headers.has('transfer-encoding')) return true
  const length = headers.get('content-length')
  return length === null ? httpVersionMajor >= 2 && stream?.endAfterHeaders !== true : Number(length) > 0
}

function parsedBody({ rawBody, body }: NodeRequest, headers: Headers): Uint8Array<ArrayBuffer> {
  for (const whole of [rawBody, body]) {
    if (typeof whole === 'string') return Buffer.from(whole)
    // Copied, because the owner of the bytes may still use them.
    if (whole instanceof Uint8Array) return Uint8Array.from(whole)
  }
  const type = declaredMediaType(headers)
  // The parsed form no longer contains its files.
  if (body === undefined || type === 'multipart/form-data')
    throw unreadableBody(body === undefined ? 'undefined' : type)
  const isForm = type === 'application/x-www-form-urlencoded' && typeof body === 'object' && body !== null
  const text: string | undefined = isForm ? formText(body) : JSON.stringify(body)
  if (text === undefined) throw unreadableBody(typeof body)
  return Buffer.from(text)
}

function unreadableBody(value = 'parsed'): ConfigurationError {
  const fix = 'the body was read before: mount the handler before the parser, or keep the parsed body in request.body'
  return new ConfigurationError('toNodeListener', [{ field: 'request.body', value, fix }])
}

// In the notation of form parsers: a[b]=c for objects, a repeated name for lists.
function formText(body: object): string {
  const fields = new URLSearchParams()
  const add = (name: string, value: unknown) => {
    if (typeof value !== 'object' || value === null) fields.append(name, String(value ?? ''))
    else if (Array.isArray(value)) for (const [index, item] of value.entries()) add(itemName(name, index, item), item)
    else for (const [key, item] of Object.entries(value)) add(`${name}[${key}]`, item)
  }
  for (const [name, value] of Object.entries(body)) add(name, value)
  return fields.toString()
}

function itemName(name: string, index: number, item: unknown): string {
  return typeof item === 'object' && item !== null ? `${name}[${index}]` : name
}
