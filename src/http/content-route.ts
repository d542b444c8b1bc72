import { createHash } from 'node:crypto'
import type { VideoSource } from '../contracts/source.js'
import type { RunRecord } from '../pipeline/run-record.js'
import { discard } from '../upstream/body-text.js'
import { type ByteRange, firstBytes, readByteRange } from './byte-range.js'
import type { Call } from './call.js'
import { HttpRefusal } from './http-refusal.js'
import { isServed } from './video-object.js'
import { notReady } from './videos-routes.js'

/**
 * `GET` and `HEAD /videos/{id}/content`: the bytes of a video through this server, as they come, with ranges; or a redirect to its
 * URL, where that is wanted.
 */
export async function videoContent(
  call: Pick<Call, 'request' | 'url' | 'runner' | 'settings'>,
  record: RunRecord,
): Promise<Response> {
  const { request, url, runner, settings } = call
  const variant = url.searchParams.get('variant') ?? 'video'
  if (variant !== 'video') {
    const message = `Could not give that variant, only video is kept: ${variant.slice(0, 60)}`
    throw new HttpRefusal({ status: 400, code: 'invalid_value', message, param: 'variant' })
  }
  if (!isServed(record)) throw notReady(record)
  const target = record.result && redirectTarget(settings.contentDelivery, record.result)
  if (target !== undefined) return new Response(null, { status: 302, headers: { location: target } })
  const source = await runner.openVideo(record.id)
  return respond(request, source, record.id)
}

function redirectTarget(
  delivery: Call['settings']['contentDelivery'],
  result: NonNullable<RunRecord['result']>,
): string | undefined {
  if (typeof delivery === 'function') return delivery(result)
  return delivery === 'redirect' ? result.url : undefined
}

async function respond(request: Request, source: VideoSource, id: string): Promise<Response> {
  const { signal } = request
  // What is known of the file is known for sure once it was opened.
  let body: ReadableStream<Uint8Array> | undefined = await source.open({ signal })
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
  const range =
    total === undefined || isOther(request, etag) ? undefined : readByteRange(request.headers.get('range'), total)
  if (request.method === 'HEAD' || range === 'unsatisfiable') {
    discard(body)
    body = undefined
  }
  if (range === 'unsatisfiable') {
    const { 'content-length': _, ...rest } = headers
    return new Response(null, { status: 416, headers: { ...rest, 'content-range': `bytes */${total}` } })
  }
  if (range === undefined) return new Response(body ?? null, { headers })
  const part = partHeaders(range, total ?? 0)
  if (body === undefined) return new Response(null, { status: 206, headers: { ...headers, ...part } })
  const bytes = await cut(source, body, range, signal)
  return new Response(bytes, { status: 206, headers: { ...headers, ...part } })
}

async function cut(
  source: VideoSource,
  whole: ReadableStream<Uint8Array>,
  { start, end }: ByteRange,
  signal: AbortSignal,
) {
  if (start === 0) return firstBytes(whole, end + 1)
  discard(whole)
  return firstBytes(await source.open({ offset: start, signal }), end - start + 1)
}

function partHeaders({ start, end }: ByteRange, total: number): Record<string, string> {
  return { 'content-range': `bytes ${start}-${end}/${total}`, 'content-length': String(end - start + 1) }
}

// The bytes of a run may come from another place another day: a part of one file is never added to that of another.
function etagOf(id: string, { url = '', byteLength = 0 }: VideoSource): string {
  const digest = createHash('sha256')
    .update(JSON.stringify([id, url.split('?', 1)[0], byteLength]))
    .digest('hex')
  return `"${digest.slice(0, 32)}"`
}

function isOther({ headers }: Request, etag: string): boolean {
  const wanted = headers.get('if-range')
  return wanted !== null && wanted !== etag
}
