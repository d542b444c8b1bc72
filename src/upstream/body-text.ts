import { abortable } from './abortable.js'
import { mediaTypeOf } from './media-type.js'

/** A body that was read as a whole. */
export interface BodyText {
  readonly text: string
  /** The body if it starts like a video file; `text` is empty then. */
  readonly video?: Uint8Array | undefined
  /** Whether the body is longer than the cap; the rest was not read. */
  readonly isCut: boolean
}

/**
 * Reads a body as UTF-8 up to a number of decoded bytes and then closes the connection, so that a compressed bomb
 * costs no more than the cap. Rejects with the platform's error when the body breaks off.
 */
export async function readBodyText(
  response: Pick<Response, 'body'>,
  maxBytes: number,
  signal: AbortSignal,
): Promise<BodyText> {
  if (response.body === null) return { text: '', isCut: false }
  const reader = (response.body as ReadableStream<Uint8Array>).getReader()
  const decoder = new TextDecoder()
  const parts: string[] = []
  const chunks: Uint8Array[] = []
  let isVideo: boolean | undefined
  const rest = (isCut: boolean): BodyText =>
    isVideo ? { text: '', video: new Uint8Array(Buffer.concat(chunks)), isCut } : { text: parts.join(''), isCut }
  let length = 0
  try {
    while (true) {
      const { done, value } = await abortable(signal, reader.read())
      if (done) break
      const room = maxBytes - length
      length += value.byteLength
      isVideo ??= mediaTypeOf(value)?.startsWith('video/') === true
      if (isVideo) chunks.push(value.subarray(0, room))
      else parts.push(decoder.decode(value.subarray(0, room), { stream: true }))
      if (length > maxBytes) return rest(true)
    }
    parts.push(decoder.decode())
    return rest(false)
  } finally {
    discard(reader)
  }
}

/** Closes the rest of a body and ignores errors. */
export function discard(body: { cancel(): Promise<void> } | null | undefined): void {
  body?.cancel().catch(() => undefined)
}
