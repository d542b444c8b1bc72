import { createServer } from 'node:http'
import type { Served } from '../harness/serve-module.ts'

const CHUNK_BYTES = 262_144

/** Serves a file of `?bytes=` bytes, which is one buffer again and again. */
export function serve(): Served {
  const chunk = Buffer.alloc(CHUNK_BYTES, 'sora')
  // The first bytes of an MP4, since a copy is checked to be one.
  chunk.writeUInt32BE(24, 0)
  chunk.write('ftypisom', 4, 'latin1')
  const server = createServer(({ url = '', method }, response) => {
    const bytes = Number(new URL(url, 'http://bench.example').searchParams.get('bytes'))
    response.writeHead(200, { 'content-type': 'video/mp4', 'content-length': bytes })
    if (method === 'HEAD') return response.end()
    let left = bytes
    const write = () => {
      while (left > 0) {
        const size = Math.min(CHUNK_BYTES, left)
        left -= size
        if (!response.write(size === CHUNK_BYTES ? chunk : chunk.subarray(0, size)))
          return response.once('drain', write)
      }
      return response.end()
    }
    return write()
  })
  return { server }
}
