import { setTimeout as sleep } from 'node:timers/promises'
import OpenAI from 'openai'
import { type MakeVideo, TIME_SCALE } from '../../jobs/workload.ts'

/** The official SDK in the loop of its own helpers, which poll every 5 s. */
export function createClient(origin: string): MakeVideo {
  const client = new OpenAI({ baseURL: `${origin}/v1`, apiKey: 'bench-key' })
  return async (prompt) => {
    let video = await client.videos.create({ model: 'sora-2', prompt, seconds: '8', size: '1280x720' })
    while (video.status !== 'completed') {
      await sleep(5000 / TIME_SCALE)
      video = await client.videos.retrieve(video.id)
    }
    return video
  }
}
