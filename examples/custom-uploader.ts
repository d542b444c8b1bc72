// A custom uploader: any object with a name and an upload function. This one keeps videos in memory.
import type { Uploader } from 'sora-pipeline'
import { InvalidRequestError, UpstreamResponseError } from 'sora-pipeline'

export interface MemoryUploader extends Uploader {
  read(url: string): Uint8Array
}

/** Keeps every video in memory under its own address. */
export function memoryUploader(publicBaseUrl: string): MemoryUploader {
  const kept = new Map<string, Uint8Array>()
  return {
    name: 'memory',
    read: (url) => kept.get(url) ?? new Uint8Array(),
    async upload(source, { signal, report }) {
      signal.throwIfAborted()
      const chunks: Uint8Array[] = []
      let bytesDone = 0
      for await (const chunk of await source.open({ signal })) {
        signal.throwIfAborted()
        chunks.push(chunk)
        bytesDone += chunk.byteLength
        report({ bytesDone, bytesTotal: source.byteLength })
      }
      if (bytesDone === 0) {
        throw new InvalidRequestError([{ field: 'source', value: '0 bytes', fix: 'give a source that has bytes' }])
      }
      if (source.byteLength !== undefined && bytesDone !== source.byteLength) {
        throw new UpstreamResponseError(`Could not keep the video: ${bytesDone} of ${source.byteLength} bytes arrived`)
      }
      const url = `${publicBaseUrl}/${crypto.randomUUID()}.mp4`
      kept.set(url, new Uint8Array(Buffer.concat(chunks)))
      return { url, byteLength: bytesDone }
    },
  }
}
