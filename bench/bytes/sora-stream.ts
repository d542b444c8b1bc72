import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import type { CopyVideo } from './places.ts'
import { uploadWith } from './upload-run.ts'

/** The stream of a source, which an uploader of the user sends on. */
export const copyVideo: CopyVideo = ({ source, sink }) => {
  const upload = async (video: { open(): Promise<ReadableStream<Uint8Array>> }) => {
    const sending = request(sink, { method: 'POST' })
    const answered = once(sending, 'response')
    for await (const chunk of await video.open()) if (!sending.write(chunk)) await once(sending, 'drain')
    sending.end()
    const [answer] = (await answered) as [IncomingMessage]
    await once(answer.resume(), 'end')
    return { url: 'https://store.example/a.mp4' }
  }
  return uploadWith({ name: 'stream', upload }, source)
}
