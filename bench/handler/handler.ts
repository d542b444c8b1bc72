import type { Benchmark, BenchmarkContext, Row } from '../harness/benchmark.ts'
import { type ServerProcess, startServer } from '../harness/child-process.ts'
import { median, medianRatio, short, times } from '../harness/figures.ts'
import { type Requests, sendRequests } from './send-requests.ts'

// 60 us and 220 us on the machine of the goals, where plain node:http took 53 us and 63 us.
const MOST_RATIO = { models: 1.15, chat: 3.5 } as const
const MOST_MEGABYTES = 130
const CHATS_FOR_MEMORY = 7500
const SERVERS = {
  ours: new URL('sora-server.ts', import.meta.url),
  floor: new URL('node-server.ts', import.meta.url),
  hono: new URL('../peers/handler/hono-server.ts', import.meta.url),
}

type Name = keyof typeof SERVERS
type Kind = Requests['kind']

/** What a server used: microseconds of CPU for a request of each kind and round, and its memory at the end. */
interface Used {
  readonly costs: Readonly<Record<Kind, number[]>>
  megabytes: number
}

/** CPU and memory of the backend over node:http, with a generator of one line behind it. */
export const handler: Benchmark = {
  name: 'handler',
  async run(context) {
    const hasHono = context.hasPeer('hono') && context.hasPeer('@hono/node-server')
    const names = (['ours', 'floor', 'hono'] as const).filter((name) => name !== 'hono' || hasHono)
    const used = await measure(names, context)
    return [
      row('models', 'GET /v1/models', used),
      row('chat', 'a chat request with its whole run', used),
      memoryRow(used),
    ]
  },
}

async function measure(names: readonly Name[], { isTiny }: BenchmarkContext): Promise<ReadonlyMap<Name, Used>> {
  const [rounds, count] = isTiny ? [1, 20] : [5, CHATS_FOR_MEMORY / 6]
  const servers = new Map<Name, ServerProcess<undefined>>()
  const used = new Map<Name, Used>()
  try {
    for (const name of names) {
      servers.set(name, await startServer(SERVERS[name]))
      used.set(name, { costs: { models: [], chat: [] }, megabytes: Number.NaN })
    }
    // The first round warms up; its chat requests count for the memory as well.
    for (let round = 0; round <= rounds; round += 1) {
      for (const kind of ['models', 'chat'] as const) {
        for (const [name, server] of servers) {
          const cost = await costOf(server, { kind, count, first: round * count })
          if (round > 0) used.get(name)?.costs[kind].push(cost)
        }
      }
    }
    for (const [name, server] of servers) {
      const figures = used.get(name)
      if (figures) figures.megabytes = (await server.usage()).residentBytes / 1e6
    }
    return used
  } finally {
    await Promise.all([...servers.values()].map((server) => server.stop()))
  }
}

async function costOf(server: ServerProcess<undefined>, requests: Requests): Promise<number> {
  const before = await server.usage()
  await sendRequests(server.origin, requests)
  return ((await server.usage()).cpuUs - before.cpuUs) / requests.count
}

function row(kind: Kind, what: string, used: ReadonlyMap<Name, Used>): Row {
  const series = (name: Name) => used.get(name)?.costs[kind] ?? []
  const text = (name: Name) => `${short(median(series(name)))} us`
  const ratio = medianRatio(series('ours'), series('floor'))
  return {
    what: `10. CPU of ${what}`,
    ours: `${times(ratio)}, ${text('ours')}`,
    goal: `<= ${MOST_RATIO[kind]}x`,
    isMet: ratio <= MOST_RATIO[kind],
    floor: `node:http without a run ${text('floor')}`,
    peers: peersOf(used, () => `without a run ${text('hono')}`),
  }
}

function memoryRow(used: ReadonlyMap<Name, Used>): Row {
  const megabytes = used.get('ours')?.megabytes ?? Number.NaN
  const text = (name: Name) => `${short(used.get(name)?.megabytes ?? Number.NaN)} MB`
  return {
    what: `10. RSS after ${CHATS_FOR_MEMORY} chat requests`,
    ours: text('ours'),
    goal: `<= ${MOST_MEGABYTES} MB`,
    isMet: megabytes <= MOST_MEGABYTES,
    floor: `node:http ${text('floor')}`,
    peers: peersOf(used, () => text('hono')),
  }
}

function peersOf(used: ReadonlyMap<Name, Used>, text: () => string): Record<string, string> {
  return used.has('hono') ? { hono: text() } : {}
}
