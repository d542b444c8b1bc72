import { abortable } from './abortable.js'
import type { BodyText } from './answer.js'
import { mediaTypeOf } from './media-type.js'

const UTF8 = new TextDecoder()
// The start of nearly every answer.
const BRACE = 0x7b

/** The text in the chunks of a body; without the letter that a cap cut in two. */
export function bodyTextOf(chunks: readonly Uint8Array[], isCut: boolean): BodyText {
  const [first] = chunks
  if (first === undefined) return { text: '', isCut }
  const bytes = chunks.length === 1 ? first : Buffer.concat(chunks)
  const isVideo = bytes[0] !== BRACE && mediaTypeOf(bytes)?.startsWith('video/')
  if (isVideo) return { text: '', video: new Uint8Array(bytes), isCut }
  return { text: isCut ? new TextDecoder().decode(bytes, { stream: true }) : UTF8.decode(bytes), isCut }
}

/**
 * Reads a body as UTF-8 up to a number of decoded bytes and then closes the connection, so that a compressed bomb
 * costs no more than the cap. Rejects with the platform's error when the body breaks off.
 */
export async function readBodyText(
  { body }: { readonly body: ReadableStream<Uint8Array> | null },
  maxBytes: number,
  signal: AbortSignal,
): Promise<BodyText> {
  if (body === null) return { text: '', isCut: false }
  const reader = body.getReader()
  const chunks: Uint8Array[] = []
  let length = 0
  try {
    while (true) {
      const { done, value } = await abortable(signal, reader.read())
      if (done) return bodyTextOf(chunks, false)
      chunks.push(value.subarray(0, maxBytes - length))
      length += value.byteLength
      if (length > maxBytes) return bodyTextOf(chunks, true)
    }
  } finally {
    discard(reader)
  }
}

/** Closes the rest of a body and ignores errors. */
export function discard(body: { cancel(): Promise<void> } | null | undefined): void {
  body?.cancel().catch(() => undefined)
}
