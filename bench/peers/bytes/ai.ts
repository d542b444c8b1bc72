import { readResponseWithSizeLimit } from '@ai-sdk/provider-utils'
import type { CopyVideo } from '../../bytes/places.ts'

/** The download of the AI SDK below its check of addresses, which refuses loopback: the whole video in memory, which is sent then. */
export const copyVideo: CopyVideo = async ({ source, sink }) => {
  const data = await readResponseWithSizeLimit({ response: await fetch(source), url: source })
  await (await fetch(sink, { method: 'POST', body: new Uint8Array(data) })).text()
}
