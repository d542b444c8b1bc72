const SMALL_BYTES = 4_096
const BLOCK_BYTES = 65_536

/**
 * Bytes from an offset on, as the chunks in which they came. Small chunks are joined, so that a source that gives byte
 * after byte costs no more memory than its bytes.
 */
export function heldChunks(offset: number) {
  let chunks: Uint8Array<ArrayBuffer>[] = []
  let start = offset
  let length = 0
  // The memory of the last chunk, as long as small ones may follow in it.
  let block: { readonly bytes: Uint8Array<ArrayBuffer>; readonly from: number; to: number } | undefined

  const join = (chunk: Uint8Array) => {
    if (block === undefined || block.to + chunk.length > BLOCK_BYTES) {
      block = { bytes: new Uint8Array(BLOCK_BYTES), from: 0, to: 0 }
    } else chunks.pop()
    block.bytes.set(chunk, block.to)
    block.to += chunk.length
    chunks.push(block.bytes.subarray(block.from, block.to))
  }

  return {
    get length() {
      return length
    },
    /** Offset behind the last byte. */
    get end() {
      return start + length
    },
    add(chunk: Uint8Array): void {
      length += chunk.length
      if (chunk.length < SMALL_BYTES) join(chunk)
      else {
        block = undefined
        chunks.push(chunk as Uint8Array<ArrayBuffer>)
      }
    },
    /** Drops what is before an offset; `false` if that is not among the bytes or right behind them. */
    moveTo(wanted: number): boolean {
      if (wanted < start || wanted > start + length) return false
      let dropped = wanted - start
      start = wanted
      length -= dropped
      block = undefined
      const from = chunks.findIndex((chunk) => {
        if (dropped < chunk.length) return true
        dropped -= chunk.length
        return false
      })
      chunks = from < 0 ? [] : chunks.slice(from)
      const [first] = chunks
      if (first !== undefined && dropped > 0) chunks[0] = first.subarray(dropped)
      return true
    },
    /** The first so many bytes, or fewer if there are no more. */
    first(most: number): { readonly chunks: readonly Uint8Array<ArrayBuffer>[]; readonly byteLength: number } {
      let room = most
      const part: Uint8Array<ArrayBuffer>[] = []
      for (const chunk of chunks) {
        if (room === 0) break
        const piece = chunk.length > room ? chunk.subarray(0, room) : chunk
        part.push(piece)
        room -= piece.length
      }
      return { chunks: part, byteLength: most - room }
    },
  }
}
