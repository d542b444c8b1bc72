import { type LoopbackServer, loopbackServer } from '../../upstream/loopback-server.js'

/** A server of the `/v1/videos` family that calls `callback_url` when a job is done. */
export interface CallingProvider extends LoopbackServer {
  /** The callback addresses of its submissions. */
  readonly callbacks: readonly string[]
  /** When polls came, by `performance.now()`. */
  readonly polls: readonly number[]
  /** Ends the job and calls its address; resolves with the status of the answer and the time of the call. */
  finish(): Promise<{ readonly status: number; readonly at: number }>
}

/** Starts it on loopback until the test ends. */
export async function callingProvider(): Promise<CallingProvider> {
  const callbacks: string[] = []
  const polls: number[] = []
  let isDone = false
  const server = await loopbackServer(({ method, url, body }, response) => {
    const job = { id: 'video_1', object: 'video', status: isDone ? 'completed' : 'in_progress' }
    if (method === 'POST') callbacks.push((JSON.parse(body.toString()) as { callback_url: string }).callback_url)
    else if (url === '/v1/videos/video_1') polls.push(performance.now())
    response
      .writeHead(200, { 'content-type': 'application/json' })
      .end(JSON.stringify({ ...job, url: `${server.origin}/a.mp4` }))
  })
  return {
    ...server,
    callbacks,
    polls,
    async finish() {
      isDone = true
      const at = performance.now()
      const body = JSON.stringify({ type: 'video.completed', data: { id: 'video_1' } })
      const headers = { 'content-type': 'application/json' }
      const answer = await fetch(String(callbacks[0]), { method: 'POST', body, headers })
      return { status: answer.status, at }
    },
  }
}
