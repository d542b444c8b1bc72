import { createFalClient } from '@fal-ai/client'
import { type MakeVideo, TIME_SCALE } from '../../jobs/workload.ts'

/** fal's client, which polls every 0.5 s. */
export function createClient(origin: string): MakeVideo {
  const client = createFalClient({
    credentials: 'bench-key',
    suppressLocalCredentialsWarning: true,
    fetch: (url, init) => fetch(String(url).replace(/^https:\/\/[^/]+/, origin), init),
  })
  return (prompt) => client.subscribe('fal-ai/bench', { input: { prompt }, pollInterval: 500 / TIME_SCALE })
}
