import { setTimeout as sleep } from 'node:timers/promises'
import { type MakeVideo, TIME_SCALE } from './workload.ts'

/** The loop that a program has without a library: fetch, every 5 s. */
export function createClient(origin: string): MakeVideo {
  const headers = { authorization: 'Bearer bench-key', 'content-type': 'application/json' }
  return async (prompt) => {
    const body = JSON.stringify({ model: 'sora-2', prompt, seconds: '8', size: '1280x720' })
    const created = await fetch(`${origin}/v1/videos`, { method: 'POST', headers, body })
    let job = (await created.json()) as { readonly id: string; readonly status: string }
    while (job.status !== 'completed') {
      await sleep(5000 / TIME_SCALE)
      const polled = await fetch(`${origin}/v1/videos/${job.id}`, { headers })
      job = (await polled.json()) as typeof job
    }
    return job
  }
}
