import { abortable } from './abortable.js'

/** A body that is read whole. */
export interface BodyText {
  readonly text: string
  /** Whether more came than the cap allows; the rest was not read. */
  readonly isCut: boolean
}

/**
 * Reads a body as UTF-8 up to a number of decoded bytes and closes the connection there, so that a compressed bomb costs no
 * more than the cap. Rejects with the platform's error when the body breaks off.
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
  let length = 0
  try {
    while (true) {
      const { done, value } = await abortable(signal, reader.read())
      if (done) break
      const room = maxBytes - length
      length += value.byteLength
      parts.push(decoder.decode(value.subarray(0, room), { stream: true }))
      if (length > maxBytes) return { text: parts.join(''), isCut: true }
    }
    parts.push(decoder.decode())
    return { text: parts.join(''), isCut: false }
  } finally {
    discard(reader)
  }
}

/** Closes what is left of a body. How the other side takes that is of no interest any more. */
export function discard(body: { cancel(): Promise<void> } | null | undefined): void {
  body?.cancel().catch(() => undefined)
}
