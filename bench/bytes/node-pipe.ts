import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { pipeline } from 'node:stream/promises'
import type { CopyVideo } from './places.ts'

/** The floor: two requests of node:http, the one piped into the other. */
export const copyVideo: CopyVideo = async ({ source, sink }) => {
  const response = await get(source)
  const sending = request(sink, { method: 'POST', headers: { 'content-length': response.headers['content-length'] } })
  const answered = once(sending, 'response')
  await pipeline(response, sending)
  const [answer] = (await answered) as [IncomingMessage]
  await once(answer.resume(), 'end')
}

/** The response to a GET, with its body unread. */
export async function get(url: string): Promise<IncomingMessage> {
  const [response] = (await once(request(url).end(), 'response')) as [IncomingMessage]
  return response
}
