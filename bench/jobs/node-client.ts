import { Agent, request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { type MakeVideo, TIME_SCALE } from './workload.ts'

type Job = { readonly id: string; readonly status: string }

/** The least that polling every 5 s costs: node:http with 64 connections, and nothing checked. */
export function createClient(origin: string): MakeVideo {
  const agent = new Agent({ keepAlive: true, maxSockets: 64 })
  const headers = { authorization: 'Bearer bench-key', 'content-type': 'application/json' }
  const exchange = (method: string, url: string, body?: string) =>
    new Promise<Job>((resolve, reject) => {
      request(url, { method, agent, headers }, (response) => {
        let text = ''
        response.setEncoding('utf8')
        response.on('data', (chunk) => {
          text += chunk
        })
        response.on('end', () => resolve(JSON.parse(text)))
        response.on('error', reject)
      })
        .on('error', reject)
        .end(body)
    })
  return async (prompt) => {
    const body = JSON.stringify({ model: 'sora-2', prompt, seconds: '8', size: '1280x720' })
    let job = await exchange('POST', `${origin}/v1/videos`, body)
    while (job.status !== 'completed') {
      await sleep(5000 / TIME_SCALE)
      job = await exchange('GET', `${origin}/v1/videos/${job.id}`)
    }
    return job
  }
}
