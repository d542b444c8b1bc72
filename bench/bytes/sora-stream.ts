import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import type { VideoSource } from 'sora-pipeline'
import type { CopyVideo } from './places.ts'
import { uploadWith } from './upload-run.ts'

/** The stream of a source, which an uploader of the user sends on. As with the pipe, its length is that of the response. */
export const copyVideo: CopyVideo = ({ source, sink }) => {
  const upload = async (video: VideoSource) => {
    const stream = await video.open()
    const sending = request(sink, { method: 'POST', headers: { 'content-length': video.byteLength } })
    const answered = once(sending, 'response')
    for await (const chunk of stream) if (!sending.write(chunk)) await once(sending, 'drain')
    sending.end()
    const [answer] = (await answered) as [IncomingMessage]
    await once(answer.resume(), 'end')
    return { url: 'https://store.example/a.mp4' }
  }
  return uploadWith({ name: 'stream', upload }, source)
}
