import { createHash } from 'node:crypto'
import { isSoraPipelineError } from '../../contracts/errors.js'
import type { VideoSource, VideoVariant } from '../../contracts/source.js'
import type { RunRecord } from '../../pipeline/run-record.js'
import { discard } from '../../upstream/body-text.js'
import { extensionOf } from '../../upstream/media-type.js'
import type { Call } from '../call.js'
import { HttpRefusal } from '../http-refusal.js'
import type { Incoming } from '../incoming.js'
import { type ByteRange, firstBytes, readByteRange } from './byte-range.js'
import { unsizedPart } from './unsized-part.js'
import { isServed } from './video-object.js'
import { notReady } from './videos-routes.js'

type Variant = 'video' | VideoVariant

/** The file that is sent, and its run. */
interface RunFile {
  readonly id: string
  readonly variant: Variant
}

/**
 * `GET` and `HEAD /videos/{id}/content`: streams the bytes of a video through this server, with ranges, or redirects
 * to its URL if configured. A picture is given where the upstream has one.
 */
export async function videoContent(
  call: Pick<Call, 'request' | 'url' | 'settings' | 'sources' | 'runner'>,
  record: RunRecord,
): Promise<Response> {
  const { request, url, settings, sources } = call
  const variant = variantIn(url)
  if (!isServed(record)) throw notReady(record)
  if (variant !== 'video') return picture(call, record.id, variant)
  const target = record.result && redirectTarget(settings.contentDelivery, record.result)
  if (target !== undefined) return new Response(null, { status: 302, headers: { location: target } })
  const { id } = record
  const source = await sources.find(id)
  try {
    return await respond(request, source, { id, variant })
  } catch (error) {
    request.signal.throwIfAborted()
    if (error instanceof HttpRefusal) throw error
    sources.forget(id)
    // A source that was never opened has just tried every place. One that worked before may be gone: retry once, from
    // the next place.
    if (source.byteLength === undefined) throw error
    return respond(request, await sources.find(id), { id, variant })
  }
}

function variantIn({ searchParams }: Call['url']): Variant {
  const variant = searchParams.get('variant') ?? 'video'
  if (variant === 'video' || variant === 'thumbnail' || variant === 'spritesheet') return variant
  const message = `Could not give the variant: ${variant.slice(0, 60)} (give video, thumbnail or spritesheet)`
  throw new HttpRefusal({ status: 400, code: 'invalid_value', message, param: 'variant' })
}

// A picture that the upstream of the video has, or else 404.
async function picture({ request, runner }: Pick<Call, 'request' | 'runner'>, id: string, variant: VideoVariant) {
  // It is in memory as a whole, so it is not kept for the next request.
  const source = await runner.openVideo(id, { variant }).catch((error: unknown) => {
    if (isSoraPipelineError(error) && error.code === 'run-state' && !error.isRetryable) return undefined
    throw error
  })
  // A runner that ignores the variant opens the video.
  if (source?.mediaType?.startsWith('image/') === true) return respond(request, source, { id, variant })
  const message = `Could not give the ${variant}: the upstream of this video has none (leave out variant for the video)`
  throw new HttpRefusal({ status: 404, code: 'variant_not_found', message, param: 'variant' })
}

function redirectTarget(
  delivery: Call['settings']['contentDelivery'],
  result: NonNullable<RunRecord['result']>,
): string | undefined {
  if (typeof delivery === 'function') return delivery(result)
  return delivery === 'redirect' ? result.url : undefined
}

async function respond(request: Incoming, source: VideoSource, file: RunFile): Promise<Response> {
  const { signal, method } = request
  const range = request.headers.get('range')
  // Length and type are known after the opening, and a length that an earlier opening announced may have been wrong.
  const isOpenedFirst =
    source.byteLength === undefined || (method === 'GET' && isFromStart(request, etagOf(file, source)))
  const probe = isOpenedFirst ? await source.open({ signal }) : undefined
  const unsized =
    probe !== undefined && source.byteLength === undefined && method === 'GET' && !request.headers.has('if-range')
      ? await unsizedPart({ source, opened: probe, range, signal }).catch((error: unknown) => {
          discard(probe)
          throw error
        })
      : undefined
  const { byteLength: total } = source
  const etag = etagOf(file, source)
  const headers: Record<string, string> = {
    ...fileHeaders(file, source),
    'cache-control': 'private, no-transform',
    'x-content-type-options': 'nosniff',
    etag,
    ...(total !== undefined && { 'accept-ranges': 'bytes', 'content-length': String(total) }),
  }
  const requested = total === undefined || isOther(request, etag) ? null : range
  const part = unsized ?? readByteRange(requested, total ?? 0)
  if (part === 'unsatisfiable') {
    discard(probe)
    const message = `Could not give the bytes: the range is outside of the ${total ?? 'unknown'} bytes of the video`
    const code = 'range_not_satisfiable'
    throw new HttpRefusal({ status: 416, code, message, param: 'range', headers: wholeLength(total) })
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

function wholeLength(total: number | undefined): Record<string, string> {
  return total === undefined ? {} : { 'content-range': `bytes */${total}` }
}

function fileHeaders({ id, variant }: RunFile, { mediaType = '' }: VideoSource): Record<string, string> {
  const name = id.replaceAll(/[^\w.-]/g, '_')
  const isPicture = variant !== 'video'
  const type = isPicture || mediaType.startsWith('video/') ? mediaType : 'video/mp4'
  const fileName = isPicture ? `${name}-${variant}${extensionOf(type)}` : `${name}.mp4`
  return { 'content-type': type, 'content-disposition': `inline; filename="${fileName}"` }
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
function etagOf({ id, variant }: RunFile, { url = '', byteLength = 0 }: VideoSource): string {
  const place = [id, url.split('?', 1)[0], byteLength]
  const digest = createHash('sha256')
    .update(JSON.stringify(variant === 'video' ? place : [variant, ...place]))
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
