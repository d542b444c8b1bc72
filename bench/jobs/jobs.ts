import type { Benchmark, BenchmarkContext, Row } from '../harness/benchmark.ts'
import { medianRatio, quantile, short, textOf, times } from '../harness/figures.ts'
import { type ClientFigures, FETCH_LOOP, NODE_HTTP, OURS, PEERS, playClient } from './clients.ts'
import type { Workload } from './workload.ts'

const MOST_RATIO = 0.7
const ROUNDS = 3
const WORKLOAD: Workload = { jobs: 400, startWithinMs: 1000, shortestMs: 2000, longestMs: 18_000 }
const TINY: Workload = { jobs: 3, startWithinMs: 10, shortestMs: 200, longestMs: 400 }

/** CPU of a finished job, each client with its own schedule. */
export const jobs: Benchmark = {
  name: 'jobs',
  async run(context) {
    const workload = context.isTiny ? TINY : WORKLOAD
    const costs = { ours: [] as number[], loop: [] as number[] }
    for (let round = 0; round < (context.isTiny ? 1 : ROUNDS); round += 1) {
      costs.ours.push(await costOf('sora-pipeline', OURS, workload, context))
      costs.loop.push(await costOf('fetch loop', FETCH_LOOP, workload, context))
    }
    const ratioTo = (cost: number) => medianRatio([cost], [quantile(costs.loop, 0.5)])
    const floor = await costOf('node:http', NODE_HTTP, workload, context)
    const peers = new Map<string, number>()
    for (const [name, client] of Object.entries(PEERS)) {
      if (context.hasPeer(name)) peers.set(name, ratioTo(await costOf(name, client, workload, context)))
    }
    const ratio = medianRatio(costs.ours, costs.loop)
    const row: Row = {
      what: '1. CPU of a finished job against a fetch loop every 5 s',
      ours: times(ratio),
      goal: `<= ${MOST_RATIO}x`,
      isMet: ratio <= MOST_RATIO,
      floor: `node:http every 5 s ${times(ratioTo(floor))}`,
      peers: textOf(peers, times),
    }
    return [row]
  },
}

/** Milliseconds of CPU for a job. */
async function costOf(name: string, client: URL, workload: Workload, context: BenchmarkContext): Promise<number> {
  const figures = await playClient(client, workload)
  const cost = figures.cpuMs / workload.jobs
  context.say(`${name.padEnd(16)} ${short(cost)} ms a job, ${describe(figures, workload)}`)
  return cost
}

function describe({ polls, lags, mostSockets }: ClientFigures, { jobs: count }: Workload): string {
  const lag = `lag p50 ${short(quantile(lags, 0.5))} ms, p95 ${short(quantile(lags, 0.95))} ms`
  return `${short(polls / count)} polls a job, ${lag}, ${mostSockets} sockets`
}
