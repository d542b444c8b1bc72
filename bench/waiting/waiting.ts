import type { Benchmark, Row } from '../harness/benchmark.ts'
import { quantile, short, textOf } from '../harness/figures.ts'
import { unlessItFails } from '../harness/peers.ts'
import { type ClientFigures, NODE_HTTP, OURS, PEERS, playClient } from '../jobs/clients.ts'
import type { Workload } from '../jobs/workload.ts'

const WORKLOAD: Workload = { jobs: 5000, startWithinMs: 2000, shortestMs: 2000, longestMs: 18_000 }
const TINY: Workload = { jobs: 20, startWithinMs: 20, shortestMs: 200, longestMs: 400 }
const BESIDE = ['openai', 'ai', 'undici'] as const
const MOST_KILOBYTES = 40
const MOST_SOCKETS = 64
const MOST_LAG_SECONDS = 0.3

/** 5,000 jobs at once: memory of each, connections to the upstream, and how late their end is seen. */
export const waiting: Benchmark = {
  name: 'waiting',
  async run({ isTiny, hasPeer, say }) {
    const workload = isTiny ? TINY : WORKLOAD
    const play = async (name: string, client: URL) => {
      const figures = await playClient(client, workload)
      const lag = `lag p50 ${short(lagOf(figures, 0.5))} s, p95 ${short(lagOf(figures, 0.95))} s`
      const cpu = `${short(figures.cpuMs / workload.jobs)} ms of CPU a job`
      say(`${name.padEnd(16)} ${short(kilobytesOf(figures))} KB a job, ${figures.mostSockets} sockets, ${lag}, ${cpu}`)
      return figures
    }
    const kilobytesOf = ({ growthBytes }: ClientFigures) => growthBytes / workload.jobs / 1000
    const ours = await play('sora-pipeline', OURS)
    const floor = await play('node:http', NODE_HTTP)
    const peers = new Map<string, ClientFigures | undefined>()
    for (const name of BESIDE)
      if (hasPeer(name)) peers.set(name, await unlessItFails(name, play(name, PEERS[name]), say))
    const row = (
      what: string,
      value: (figures: ClientFigures) => number,
      goal: { readonly most: number; readonly unit: string },
    ): Row => {
      const text = (figures: ClientFigures) => `${short(value(figures))}${goal.unit}`
      const isMet = value(ours) <= goal.most
      const limit = `<= ${goal.most}${goal.unit}`
      return {
        what,
        ours: text(ours),
        goal: limit,
        isMet,
        floor: `node:http ${text(floor)}`,
        peers: textOf(peers, text),
      }
    }
    return [
      row('2. 5,000 jobs at once: RSS of a job', kilobytesOf, { most: MOST_KILOBYTES, unit: ' KB' }),
      row('2. Sockets to one origin', ({ mostSockets }) => mostSockets, { most: MOST_SOCKETS, unit: '' }),
      row('2. Lag p95 of the end of a job', (figures) => lagOf(figures, 0.95), { most: MOST_LAG_SECONDS, unit: ' s' }),
    ]
  },
}

/** In seconds of this machine, not of the time scale: most of it is what the machine is late. */
function lagOf({ lags }: ClientFigures, share: number): number {
  return quantile(lags, share) / 1000
}
