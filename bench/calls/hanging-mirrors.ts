import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Resolver, race, withCircuitBreaker, withTimeout } from 'sora-pipeline'
import { mirrorResolver } from 'sora-pipeline/strategies'
import { fakeContext } from 'sora-pipeline/testing'
import { median } from '../harness/figures.ts'
import { pipelineClock } from './pipeline-clock.ts'

/** Milliseconds until a good URL is known. */
export interface MirrorTimes {
  /** The first mirror never answers, the second one does. */
  readonly oneHangs: number
  readonly twoHang: number
  /** The circuit breaker of the first mirror is open. */
  readonly breakerOpen: number
  /** The good mirror alone. */
  readonly roundTrip: number
}

const FAILURES = 2

/** Time to a good URL when the first mirrors accept connections and never answer. */
export async function measure({ breakerTimeoutMs }: { readonly breakerTimeoutMs: number }): Promise<MirrorTimes> {
  const silent = await listen(createServer(() => undefined))
  const good = await listen(
    createServer((request, response) => {
      response.writeHead(200, { 'content-type': 'video/mp4', 'content-length': 1000, 'accept-ranges': 'bytes' })
      response.end(request.method === 'HEAD' ? undefined : Buffer.alloc(1000))
    }),
  )
  const mirror = (name: string, host: string) => mirrorResolver({ name, hosts: [host], path: '/{videoId}.mp4' })
  const working = mirror('good', good)
  const guarded = withCircuitBreaker(withTimeout(mirror('hangs', silent), { timeoutMs: breakerTimeoutMs }), {
    failures: FAILURES,
  })
  // The first requests pay for code that is loaded and compiled.
  for (let round = 0; round < 5; round += 1) await timeOf(working)
  const roundTrip = await medianTimeOf(working)
  const oneHangs = await timeOf(race(mirror('hangs', silent), working))
  const twoHang = await timeOf(race(mirror('hangs', silent), mirror('hangs too', silent), working))
  for (let failure = 0; failure < FAILURES; failure += 1) await timeOf(guarded).catch(() => undefined)
  const breakerOpen = await medianTimeOf(race(guarded, working))
  return { roundTrip, oneHangs, twoHang, breakerOpen }
}

const clock = await pipelineClock()

async function medianTimeOf(resolver: Resolver): Promise<number> {
  const series: number[] = []
  for (let round = 0; round < 5; round += 1) series.push(await timeOf(resolver))
  return median(series)
}

async function timeOf(resolver: Resolver): Promise<number> {
  const context = fakeContext({ clock })
  const startedAt = performance.now()
  await resolver.resolve({ video: { id: 'gen_1', url: 'https://cdn.example/a.mp4' } }, context)
  return performance.now() - startedAt
}

async function listen(server: ReturnType<typeof createServer>): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<void>()
  server.listen(0, '127.0.0.1', resolve)
  await promise
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}
