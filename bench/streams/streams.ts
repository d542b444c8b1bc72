import type { Benchmark, BenchmarkContext, Row } from '../harness/benchmark.ts'
import { startServer } from '../harness/child-process.ts'
import { median, medianRatio, quantile, short, times } from '../harness/figures.ts'
import { unlessItFails } from '../harness/peers.ts'
import type { Feed } from './fed-server.ts'
import { type Delays, feedPath, get, type Reading } from './read-streams.ts'

const STREAMS = 5000
const BURSTS = 10
const PACED_ROUNDS = 2
const MOST_RATIO = { bridge: 1.2, response: 2, send: 2 } as const
const MOST_KILOBYTES = { bridge: 28, response: 45 } as const
const MOST_DELAY_MS = 10

const SERVERS = {
  write: new URL('write-server.ts', import.meta.url),
  bridge: new URL('bridge-server.ts', import.meta.url),
  response: new URL('response-server.ts', import.meta.url),
  send: new URL('send-server.ts', import.meta.url),
  hono: new URL('../peers/streams/hono-server.ts', import.meta.url),
  ai: new URL('../peers/streams/ai-server.ts', import.meta.url),
}

type Way = keyof typeof SERVERS

/** What one way to stream costs while all streams are open. */
interface Cost {
  /** Resident memory of one stream. */
  readonly kilobytes: number
  /** Microseconds of CPU for an event, of each burst. */
  readonly burstUs: readonly number[]
  /** Events of one stream each, evenly in time. */
  readonly pacedUs: number
  readonly p99DelayMs: number
}

/** Open streams of server-sent events: memory of each, CPU of an event, and its delay. */
export const streams: Benchmark = {
  name: 'streams',
  async run(context) {
    const ways = (Object.keys(SERVERS) as Way[]).filter((way) => {
      return way === 'hono' ? context.hasPeer('@hono/node-server') : way !== 'ai' || context.hasPeer('ai')
    })
    const costs = new Map<Way, Cost | undefined>()
    for (const way of ways) {
      const measuring = measure(way, context)
      const isPeer = way === 'hono' || way === 'ai'
      const cost = await (isPeer ? unlessItFails(way, measuring, context.say) : measuring)
      costs.set(way, cost)
      if (cost === undefined) continue
      const text = `${short(cost.kilobytes)} KB a stream, ${short(median(cost.burstUs))} us an event in a burst`
      context.say(`${way.padEnd(9)} ${text}, ${short(cost.pacedUs)} us evenly, p99 delay ${short(cost.p99DelayMs)} ms`)
    }
    return [
      cpuRow('bridge', 'on the Node bridge', costs),
      cpuRow('response', 'as a Fetch response', costs),
      cpuRow('send', 'of any response through sendNodeResponse', costs),
      memoryRow('bridge', 'on the Node bridge', costs),
      memoryRow('response', 'as a Fetch response', costs),
      delayRow(costs),
    ]
  },
}

async function measure(way: Way, { isTiny }: BenchmarkContext): Promise<Cost> {
  const count = isTiny ? 10 : STREAMS
  const server = await startServer<number>(SERVERS[way])
  const reading: Reading = { origin: server.origin, streams: count }
  const readers = await startServer(new URL('read-streams.ts', import.meta.url), reading)
  const feed = async (feed: Feed) => {
    const before = await server.usage()
    const delays = JSON.parse(await get(`${readers.origin}${feedPath(feed)}`)) as Delays
    return { delays, us: ((await server.usage()).cpuUs - before.cpuUs) / count }
  }
  try {
    const { residentBytes: bytesBefore } = await server.usage('collect')
    await get(`${readers.origin}/open`)
    const { residentBytes } = await server.usage('collect')
    const burstUs: number[] = []
    // The first two warm up.
    for (let round = isTiny ? 0 : -2; round < (isTiny ? 1 : BURSTS); round += 1) {
      const { us } = await feed({ kind: 'burst', withinMs: 0 })
      if (round >= 0) burstUs.push(us)
    }
    const paced = []
    for (let round = 0; round < (isTiny ? 1 : PACED_ROUNDS); round += 1) {
      paced.push(await feed({ kind: 'paced', withinMs: isTiny ? 20 : 1000 }))
    }
    return {
      kilobytes: (residentBytes - bytesBefore) / count / 1000,
      burstUs,
      pacedUs: median(paced.map(({ us }) => us)),
      p99DelayMs: quantile(
        paced.flatMap(({ delays }) => delays),
        0.99,
      ),
    }
  } finally {
    await Promise.all([server.stop(), readers.stop()])
  }
}

type Costs = ReadonlyMap<Way, Cost | undefined>

function cpuRow(way: 'bridge' | 'response' | 'send', what: string, costs: Costs): Row {
  const ratioOf = (other: Way) => medianRatio(costs.get(other)?.burstUs ?? [], costs.get('write')?.burstUs ?? [])
  const ratio = ratioOf(way)
  return {
    what: `6. CPU of an event ${what}`,
    ours: times(ratio),
    goal: `<= ${MOST_RATIO[way]}x`,
    isMet: ratio <= MOST_RATIO[way],
    floor: `res.write ${short(median(costs.get('write')?.burstUs ?? []))} us`,
    peers: peersOf(costs, (peer) => times(ratioOf(peer))),
  }
}

function memoryRow(way: 'bridge' | 'response', what: string, costs: Costs): Row {
  const text = (other: Way) => `${short(costs.get(other)?.kilobytes ?? Number.NaN)} KB`
  return {
    what: `7. RSS of an open stream ${what}`,
    ours: text(way),
    goal: `<= ${MOST_KILOBYTES[way]} KB`,
    isMet: (costs.get(way)?.kilobytes ?? Number.NaN) <= MOST_KILOBYTES[way],
    floor: `res.write ${text('write')}`,
    peers: peersOf(costs, text),
  }
}

function delayRow(costs: Costs): Row {
  const text = (way: Way) => `${short(costs.get(way)?.p99DelayMs ?? Number.NaN)} ms`
  return {
    what: `7. p99 delay of an event at ${STREAMS} open streams`,
    ours: text('bridge'),
    goal: `<= ${MOST_DELAY_MS} ms`,
    isMet: (costs.get('bridge')?.p99DelayMs ?? Number.NaN) <= MOST_DELAY_MS,
    floor: `res.write ${text('write')}`,
    peers: peersOf(costs, text),
  }
}

function peersOf(costs: Costs, text: (way: Way) => string): Record<string, string> {
  const peers = (['hono', 'ai'] as const).filter((way) => costs.has(way))
  return Object.fromEntries(peers.map((way) => [way, costs.get(way) === undefined ? 'failed' : text(way)]))
}
