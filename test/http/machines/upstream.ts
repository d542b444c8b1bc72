import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** The bytes of each video. */
export const VIDEO = Buffer.from('the bytes of a video, as they are')

/** A Videos API on loopback, whose jobs end when the test says so. */
export interface Upstream {
  readonly baseUrl: string
  /** Number of jobs that were created. */
  readonly creates: number
  /** Number of polls. */
  readonly polls: number
  /** Ids of jobs that were cancelled. */
  readonly cancelled: readonly string[]
  /** Ends all jobs. */
  finish(): void
  close(): Promise<void>
}

/** Starts a Videos API. */
export async function startUpstream(): Promise<Upstream> {
  let creates = 0
  let polls = 0
  let isFinished = false
  const cancelled: string[] = []
  const server = createServer(async (request, response) => {
    const { method, url = '' } = request
    const id = /\/videos\/([^/]+)/.exec(url)?.[1] ?? ''
    const answer = (body: object) =>
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    await request.resume().toArray()
    if (method === 'POST') {
      creates += 1
      answer({ id: `video_${creates}`, object: 'video', status: 'queued', progress: 0 })
    } else if (method === 'DELETE') {
      cancelled.push(id)
      answer({ id, object: 'video.deleted', deleted: true })
    } else if (url.endsWith('/content')) {
      response.writeHead(200, { 'content-type': 'video/mp4', 'content-length': VIDEO.length }).end(VIDEO)
    } else {
      polls += 1
      const progress = Math.min(99, polls / 10)
      answer({
        id,
        object: 'video',
        ...(isFinished ? { status: 'completed', progress: 100 } : { status: 'in_progress', progress }),
      })
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    get creates() {
      return creates
    },
    get polls() {
      return polls
    },
    cancelled,
    finish: () => {
      isFinished = true
    },
    close: async () => {
      server.closeAllConnections()
      server.close()
    },
  }
}
