import { setTimeout as sleep } from 'node:timers/promises'
import ky from 'ky'
import { type MakeVideo, TIME_SCALE } from '../../jobs/workload.ts'

type Job = { readonly id: string; readonly status: string }

/** The loop of fetch-client.ts with ky. */
export function createClient(origin: string): MakeVideo {
  const api = ky.create({ headers: { authorization: 'Bearer bench-key' } })
  return async (prompt) => {
    const json = { model: 'sora-2', prompt, seconds: '8', size: '1280x720' }
    let job = await api.post(`${origin}/v1/videos`, { json }).json<Job>()
    while (job.status !== 'completed') {
      await sleep(5000 / TIME_SCALE)
      job = await api.get(`${origin}/v1/videos/${job.id}`).json<Job>()
    }
    return job
  }
}
