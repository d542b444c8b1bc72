import { createHash } from 'node:crypto'
import type { VideoSource } from '../../contracts/source.js'
import type { RunRecord } from '../../pipeline/run-record.js'
import { discard } from '../../upstream/body-text.js'
import type { Call } from '../call.js'
import { HttpRefusal } from '../http-refusal.js'
import type { Incoming } from '../incoming.js'
import { type ByteRange, firstBytes, readByteRange } from './byte-range.js'
import { unsizedPart } from './unsized-part.js'
import { isServed } from './video-object.js'
import { notReady } from './videos-routes.js'

/**
 * `GET` and `HEAD /videos/{id}/content`: streams the bytes of a video through this server, with ranges, or redirects
 * to its URL if configured.
 */
export async function videoContent(
  call: Pick<Call, 'request' | 'url' | 'settings' | 'sources'>,
  record: RunRecord,
): Promise<Response> {
  const { request, url, settings, sources } = call
  const variant = url.searchParams.get('variant') ?? 'video'
  if (variant !== 'video') {
    const message = `Could not give the variant ${variant.slice(0, 60)}: this server keeps only video`
    const isKnown = variant === 'thumbnail' || variant === 'spritesheet'
    const refusal = isKnown ? { status: 404, code: 'variant_not_found' } : { status: 400, code: 'invalid_value' }
    throw new HttpRefusal({ ...refusal, message, param: 'variant' })
  }
  if (!isServed(record)) throw notReady(record)
  const target = record.result && redirectTarget(settings.contentDelivery, record.result)
  if (target !== undefined) return new Response(null, { status: 302, headers: { location: target } })
  const { id } = record
  const source = await sources.find(id)
  try {
    return await respond(request, source, id)
  } catch (error) {
    request.signal.throwIfAborted()
    sources.forget(id)
    // A source that was never opened has just tried every place. One that worked before may be gone: retry once, from
    // the next place.
    if (source.byteLength === undefined) throw error
    return respond(request, await sources.find(id), id)
  }
}

function redirectTarget(
  delivery: Call['settings']['contentDelivery'],
  result: NonNullable<RunRecord['result']>,
): string | undefined {
  if (typeof delivery === 'function') return delivery(result)
  return delivery === 'redirect' ? result.url : undefined
}

async function respond(request: Incoming, source: VideoSource, id: string): Promise<Response> {
  const { signal, method } = request
  const range = request.headers.get('range')
  // Length and type are known after the opening, and a length that an earlier opening announced may have been wrong.
  const isOpenedFirst =
    source.byteLength === undefined || (method === 'GET' && isFromStart(request, etagOf(id, source)))
  const probe = isOpenedFirst ? await source.open({ signal }) : undefined
  const unsized =
    probe !== undefined && source.byteLength === undefined && method === 'GET' && !request.headers.has('if-range')
      ? await unsizedPart({ source, opened: probe, range, signal }).catch((error: unknown) => {
          discard(probe)
          throw error
        })
      : undefined
  const { byteLength: total } = source
  const etag = etagOf(id, source)
  const headers: Record<string, string> = {
    'content-type': /^video\//.test(source.mediaType ?? '') ? (source.mediaType ?? '') : 'video/mp4',
    'content-disposition': `inline; filename="${id.replaceAll(/[^\w.-]/g, '_')}.mp4"`,
    'cache-control': 'private, no-transform',
    'x-content-type-options': 'nosniff',
    etag,
    ...(total !== undefined && { 'accept-ranges': 'bytes', 'content-length': String(total) }),
  }
  const requested = total === undefined || isOther(request, etag) ? null : range
  const part = unsized ?? readByteRange(requested, total ?? 0)
  if (part === 'unsatisfiable') {
    discard(probe)
    const { 'content-length': _, ...rest } = headers
    const lengthOfWhole = total !== undefined && { 'content-range': `bytes */${total}` }
    return new Response(null, { status: 416, headers: { ...rest, ...lengthOfWhole } })
  }
  if (part !== undefined && 'bytes' in part) {
    discard(probe)
    const { start, bytes } = part
    const sent = partHeaders({ start, end: start + bytes.byteLength - 1 }, part.total)
    return new Response(bytes, { status: 206, headers: { ...headers, ...sent } })
  }
  const status = part === undefined ? 200 : 206
  const sent = part === undefined ? headers : { ...headers, ...partHeaders(part, total) }
  if (method === 'HEAD') {
    discard(probe)
    return new Response(null, { status, headers: sent })
  }
  return new Response(await bytesOf(source, probe, part, signal), { status, headers: sent })
}

async function bytesOf(
  source: VideoSource,
  probe: ReadableStream<Uint8Array> | undefined,
  range: ByteRange | undefined,
  signal: AbortSignal,
): Promise<ReadableStream<Uint8Array>> {
  const { start, end } = range ?? { start: 0, end: Number.POSITIVE_INFINITY }
  if (start > 0) discard(probe)
  const stream = start === 0 && probe ? probe : await source.open({ offset: start, signal })
  return range === undefined ? stream : firstBytes(stream, end - start + 1)
}

function partHeaders({ start, end }: ByteRange, total: number | undefined): Record<string, string> {
  return { 'content-range': `bytes ${start}-${end}/${total ?? '*'}`, 'content-length': String(end - start + 1) }
}

// A run may later be served from a different file, whose parts must not be combined with these.
function etagOf(id: string, { url = '', byteLength = 0 }: VideoSource): string {
  const digest = createHash('sha256')
    .update(JSON.stringify([id, url.split('?', 1)[0], byteLength]))
    .digest('hex')
  return `"${digest.slice(0, 32)}"`
}

function isFromStart(request: Incoming, etag: string): boolean {
  const range = request.headers.get('range')
  return range === null || isOther(request, etag) || !/^bytes=(?:0*[1-9]|-)/.test(range.replaceAll(/\s/g, ''))
}

function isOther({ headers }: Incoming, etag: string): boolean {
  const wanted = headers.get('if-range')
  return wanted !== null && wanted !== etag
}
