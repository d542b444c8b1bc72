import { abortable } from './abortable.js'
import { discard, readBodyText } from './body-text.js'
import { type Chunks, chunksOf, streamOf } from './chunks.js'
import type { Download } from './download/download.js'
import { jsonOf } from './json-of.js'
import { declaredMediaType, mediaTypeOf, SIGNATURE_BYTES } from './media-type.js'
import { announcesVideo } from './not-ready.js'
import { videoOutputs } from './video-output.js'

/** The kind of a body, by its beginning. */
export type VideoStart =
  | {
      readonly kind: 'video'
      readonly mediaType: string | undefined
      /** The chunks that were read so far. */
      readonly head: readonly Uint8Array[]
      /** The chunks behind them. */
      readonly rest: Chunks
    }
  /** JSON that contains an address, or a text that is one. */
  | { readonly kind: 'pointer'; readonly url: string }
  /** A text that announces that the video will come. */
  | { readonly kind: 'pending' }
  | { readonly kind: 'page' }
  | { readonly kind: 'other' }

const MOST_JSON_BYTES = 1_000_000

/**
 * Checks whether a body is a video. Its first bytes decide if the media type is missing, generic or not that of a
 * video; they also unmask a page or JSON that is labelled as a video.
 *
 * @param offset - The byte of the file at which the body starts; past 0 only the media type can be checked.
 */
export async function checkVideoStart(
  response: Pick<Download, 'headers' | 'body'>,
  offset: number,
  signal: AbortSignal,
): Promise<VideoStart> {
  const declared = declaredMediaType(response.headers)
  if (declared !== undefined && /\bjson$/.test(declared)) return readPointer(response, signal)
  if (declared !== undefined && /^text\/html|xml$/.test(declared)) {
    discard(response.body)
    return { kind: 'page' }
  }
  if (response.body === null) return { kind: 'other' }
  const isVideo = declared?.startsWith('video/') === true
  const rest = chunksOf(response.body)
  if (offset > 0) return { kind: 'video', mediaType: isVideo ? declared : undefined, head: [], rest }
  const head = await readHead(rest, signal)
  const seen = mediaTypeOf(joined(head))
  if (seen?.startsWith('video/') || (isVideo && seen === undefined && head.length > 0)) {
    return { kind: 'video', mediaType: isVideo ? declared : seen, head, rest }
  }
  const isText = declared === 'text/plain' && seen === undefined
  if (seen === 'application/json' || isText || isAddress(head)) return readPointer({ body: whole(head, rest) }, signal)
  rest.cancel()
  return { kind: seen === 'text/html' ? 'page' : 'other' }
}

function isAddress(head: readonly Uint8Array[]): boolean {
  return /^\s*https?:\/\//i.test(Buffer.from(joined(head)).toString('latin1'))
}

async function readHead(rest: Chunks, signal: AbortSignal): Promise<Uint8Array[]> {
  const head: Uint8Array[] = []
  let length = 0
  while (length < SIGNATURE_BYTES) {
    const chunk = await abortable(signal, rest.next())
    if (chunk === undefined) break
    if (chunk.byteLength === 0) continue
    head.push(chunk)
    length += chunk.byteLength
  }
  return head
}

async function readPointer(response: Pick<Download, 'body'>, signal: AbortSignal): Promise<VideoStart> {
  const { text } = await readBodyText(response, MOST_JSON_BYTES, signal)
  const output = videoOutputs(jsonOf(text), 'invalid:').find(({ kind }) => kind === 'url')
  if (output?.kind === 'url') return { kind: 'pointer', url: output.url }
  const alone = /^https?:\/\/\S+$/i.exec(text.trim())?.[0]
  if (alone !== undefined && URL.canParse(alone)) return { kind: 'pointer', url: alone }
  return { kind: announcesVideo(text) ? 'pending' : 'other' }
}

function joined(chunks: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(chunks))
}

function whole(head: readonly Uint8Array[], rest: Chunks) {
  const chunks = [...head]
  return streamOf({ next: async () => chunks.shift() ?? rest.next(), cancel: rest.cancel })
}
