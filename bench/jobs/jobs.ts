import type { Benchmark, BenchmarkContext, Row } from '../harness/benchmark.ts'
import { median, medianRatio, quantile, short, textOf, times } from '../harness/figures.ts'
import { unlessItFails } from '../harness/peers.ts'
import { type ClientFigures, FETCH_LOOP, NODE_HTTP, OURS, PEERS, playClient } from './clients.ts'
import type { Workload } from './workload.ts'

const MOST_RATIO = 0.7
const ROUNDS = 3
// Each has two cores to share with its upstream and is idle most of the time.
const AT_ONCE = 2
const FLOOR = 'node:http'
const WORKLOAD: Workload = { jobs: 400, startWithinMs: 1000, shortestMs: 2000, longestMs: 18_000 }
const TINY: Workload = { jobs: 3, startWithinMs: 10, shortestMs: 200, longestMs: 400 }

/** CPU of a finished job, each client with its own schedule. */
export const jobs: Benchmark = {
  name: 'jobs',
  async run(context) {
    const workload = context.isTiny ? TINY : WORKLOAD
    const costs = { ours: [] as number[], loop: [] as number[] }
    const play = (name: string, client: URL) => costOf(name, client, workload, context)
    for (let round = 0; round < (context.isTiny ? 1 : ROUNDS); round += 1) {
      const [ours, loop] = await Promise.all([play('sora-pipeline', OURS), play('fetch loop', FETCH_LOOP)])
      costs.ours.push(ours)
      costs.loop.push(loop)
    }
    const others = Object.entries({ ...PEERS, [FLOOR]: NODE_HTTP })
    const found = others.filter(([name]) => name === FLOOR || context.hasPeer(name))
    const ratios = new Map<string, number | undefined>()
    for (let next = 0; next < found.length; next += AT_ONCE) {
      const pair = found.slice(next, next + AT_ONCE)
      await Promise.all(
        pair.map(async ([name, client]) => {
          const cost = await unlessItFails(name, play(name, client), context.say)
          ratios.set(name, cost && cost / median(costs.loop))
        }),
      )
    }
    const floor = ratios.get(FLOOR) ?? Number.NaN
    ratios.delete(FLOOR)
    const ratio = medianRatio(costs.ours, costs.loop)
    const row: Row = {
      what: '1. CPU of a finished job against a fetch loop every 5 s',
      ours: times(ratio),
      goal: `<= ${MOST_RATIO}x`,
      isMet: ratio <= MOST_RATIO,
      floor: `node:http every 5 s ${times(floor)}`,
      peers: textOf(ratios, times),
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
