import { Redis } from 'ioredis'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { startScript } from '../stores/processes.js'
import type { ServerKind } from '../stores/servers/open-server-store.ts'
import { type OwnServer, startServer } from '../stores/servers/own-server.js'
import { openEvents } from './machines/event-stream.js'

const STREAMS = 1000
const AT_ONCE = 50
const MEASURED_MS = 20_000
// Bounds for a machine that is busy with other tests, where a lost doorbell still shows: the runs are read every 2.5 seconds anyway.
const P50_MS = 1000
const P99_MS = 10_000

describe.each<ServerKind>(['ioredis', 'redis', 'pg'])('a thousand streams of two HTTP processes, %s', (kind) => {
  let server: OwnServer
  beforeAll(async () => {
    server = await startServer(kind)
  })
  afterAll(() => server?.close())

  test('show the events of runs of a third process in time, over one connection each', async () => {
    const place = server.place('many_runs')
    const start = (task: object) => {
      const script = startScript('http/machines/many-runs.ts', { kind, place, ...task })
      onTestFinished(async () => {
        script.child.stdin?.end()
        await script.ended
      })
      return script
    }
    const worker = start({ runs: STREAMS })
    await worker.next((printed) => printed === 'started')
    const ports = await Promise.all(
      [start({}), start({})].map(({ next }) => next((printed) => typeof printed === 'number')),
    )
    const open = async (index: number) => {
      const stream = await openEvents(`http://127.0.0.1:${ports[index % 2]}/v1/videos/video_${index}/events`)
      onTestFinished(() => stream.close())
      return stream
    }
    const streams: Awaited<ReturnType<typeof open>>[] = []
    while (streams.length < STREAMS) {
      const next = Array.from({ length: AT_ONCE }, (_, index) => open(streams.length + index))
      streams.push(...(await Promise.all(next)))
    }
    // What is replayed is not late.
    const from = Date.now() + 2000
    await new Promise((resolve) => setTimeout(resolve, MEASURED_MS))
    const delays = streams
      .flatMap(({ events }) => events.filter(({ data }) => data.at >= from))
      .map(({ data, arrivedAt }) => arrivedAt - data.at)
      .sort((a, b) => a - b)
    expect(await followers(kind, JSON.parse(place).client)).toBe(ports.length)
    worker.send('finish')
    await Promise.all(streams.map((stream) => stream.until((events) => events.at(-1)?.event === 'run-completed')))
    const at = (share: number) => delays[Math.floor(delays.length * share)]
    console.info(`${kind}: ${delays.length} events, p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, max ${delays.at(-1)} ms`)
    expect(delays.length).toBeGreaterThan((STREAMS * MEASURED_MS) / 2000 / 2)
    expect(at(0.5)).toBeLessThan(P50_MS)
    expect(at(0.99)).toBeLessThan(P99_MS)
  }, 180_000)
})

// Connections that hear of events, as the server counts them.
async function followers(kind: ServerKind, client: { readonly host: string; readonly port: number }): Promise<number> {
  if (kind === 'pg') {
    const outside = new Client(client)
    await outside.connect()
    const { rows } = await outside.query("SELECT pid FROM pg_stat_activity WHERE query LIKE 'LISTEN%'")
    await outside.end()
    return rows.length
  }
  const outside = new Redis(client)
  const list = String(await outside.call('CLIENT', 'LIST'))
  outside.disconnect()
  return list.split('\n').filter((line) => / sub=[1-9]/.test(line)).length
}
