import type { VideoSource } from '../../contracts/source.js'

/** All bytes of a source from an offset on. */
export async function readAll(source: VideoSource, offset = 0): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  for await (const chunk of await source.open({ offset })) chunks.push(chunk)
  return Buffer.concat(chunks)
}
