import { measureInChild, startServer } from '../harness/child-process.ts'
import type { UpstreamReport } from './fake-upstream.ts'
import type { ClientFile } from './play-client.ts'
import type { Played, Workload } from './workload.ts'

const own = (name: string) => new URL(`${name}-client.ts`, import.meta.url)
const peer = (name: string) => new URL(`../peers/jobs/${name}.ts`, import.meta.url)

/** This library, the loop that it is compared with, and the floor. */
export const OURS = own('sora')
export const FETCH_LOOP = own('fetch')
export const NODE_HTTP = own('node')

/** Clients of other libraries by the package that they need. */
export const PEERS = {
  openai: peer('openai'),
  ai: peer('ai'),
  ky: peer('ky'),
  '@fal-ai/client': peer('fal'),
  replicate: peer('replicate'),
  undici: peer('undici'),
} as const satisfies Readonly<Record<string, URL>>

/** What a client and its upstream saw of a workload. */
export interface ClientFigures extends Played, UpstreamReport {
  /** From the end of each job to its result, in milliseconds. */
  readonly lags: readonly number[]
}

/** Plays a workload with one client in a new process, against an upstream in another. */
export async function playClient(client: URL, workload: Workload): Promise<ClientFigures> {
  const upstream = await startServer<UpstreamReport>(new URL('fake-upstream.ts', import.meta.url))
  try {
    const parameters: ClientFile = { client: client.href, origin: upstream.origin, workload }
    const played = await measureInChild<Played>(new URL('play-client.ts', import.meta.url), parameters)
    const { report } = await upstream.usage()
    const lags = played.finishedAt.map((instant, job) => instant - (report.endedAt[job] ?? Number.NaN))
    return { ...played, ...report, lags }
  } finally {
    await upstream.stop()
  }
}
