/** The requested bytes, both ends included. */
export interface ByteRange {
  readonly start: number
  readonly end: number
}

/**
 * Reads a `Range` header for a file of `total` bytes: `bytes=5-9`, `bytes=5-` and `bytes=-5`. `undefined` means the
 * whole file, also for several ranges and any other value; `unsatisfiable` for bytes beyond the file.
 */
export function readByteRange(header: string | null, total: number): ByteRange | 'unsatisfiable' | undefined {
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header?.replaceAll(/\s/g, '') ?? '')
  if (match === null) return undefined
  const [, from = '', to = ''] = match
  if (from === '' && to === '') return undefined
  if (from === '') {
    const length = Math.min(Number(to), total)
    return length === 0 ? 'unsatisfiable' : { start: total - length, end: total - 1 }
  }
  const start = Number(from)
  const end = to === '' ? total - 1 : Math.min(Number(to), total - 1)
  if (to !== '' && Number(to) < start) return undefined
  return start >= total ? 'unsatisfiable' : { start, end }
}

/** The first bytes of a stream, which is then cancelled. Nothing is read ahead. */
export function firstBytes(stream: ReadableStream<Uint8Array>, length: number): ReadableStream<Uint8Array> {
  const reader = stream.getReader()
  let left = length
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await reader.read()
        if (done) return controller.close()
        const wanted = value.subarray(0, left)
        left -= wanted.byteLength
        if (wanted.byteLength > 0) controller.enqueue(wanted)
        if (left > 0) return
        controller.close()
        // All bytes were delivered, so errors of the cancel are ignored.
        reader.cancel().catch(() => undefined)
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  )
}
