/** The frames of a stream, one at a time and none before it is read. */
export interface SseFrames {
  /** The next frame without the blank line that ends it; `undefined` at the end. Rejects when the stream was cut. */
  next(): Promise<string | undefined>
  /** How many bytes came, whether they are a frame or not. */
  readonly byteLength: number
}

/** Reads a response, when it is there, as server-sent events. */
export function sseFrames(answer: Promise<Response>): SseFrames {
  const opening = answer.then(({ body }) => (body as ReadableStream<Uint8Array>).getReader())
  const decoder = new TextDecoder()
  let text = ''
  let byteLength = 0
  return {
    get byteLength() {
      return byteLength
    },
    async next() {
      const reader = await opening
      while (true) {
        const end = text.indexOf('\n\n')
        if (end >= 0) {
          const frame = text.slice(0, end)
          text = text.slice(end + 2)
          return frame
        }
        const { done, value } = await reader.read()
        if (done) return undefined
        byteLength += value.byteLength
        text += decoder.decode(value, { stream: true })
      }
    },
  }
}
