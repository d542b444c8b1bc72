import { setTimeout as sleep } from 'node:timers/promises'
import { Pool } from 'undici'
import { type MakeVideo, TIME_SCALE } from '../../jobs/workload.ts'

type Job = { readonly id: string; readonly status: string }

/** The loop of fetch-client.ts with undici's own request and a pool of 64 connections. */
export function createClient(origin: string): MakeVideo {
  const pool = new Pool(origin, { connections: 64 })
  const headers = { authorization: 'Bearer bench-key', 'content-type': 'application/json' }
  return async (prompt) => {
    const body = JSON.stringify({ model: 'sora-2', prompt, seconds: '8', size: '1280x720' })
    const created = await pool.request({ method: 'POST', path: '/v1/videos', headers, body })
    let job = (await created.body.json()) as Job
    while (job.status !== 'completed') {
      await sleep(5000 / TIME_SCALE)
      const polled = await pool.request({ method: 'GET', path: `/v1/videos/${job.id}`, headers })
      job = (await polled.body.json()) as Job
    }
    return job
  }
}
