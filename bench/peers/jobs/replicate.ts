import Replicate from 'replicate'
import { type MakeVideo, TIME_SCALE } from '../../jobs/workload.ts'

/** Replicate's client, which polls every 0.5 s. */
export function createClient(origin: string): MakeVideo {
  const client = new Replicate({ auth: 'bench-key', baseUrl: `${origin}/v1`, useFileOutput: false })
  const wait = { mode: 'poll', interval: 500 / TIME_SCALE } as const
  return (prompt) => client.run('bench/bench', { input: { prompt }, wait })
}
