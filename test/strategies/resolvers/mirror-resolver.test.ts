import { inspect } from 'node:util'
import { describe, expect, test, vi } from 'vitest'
import { withAttemptObserver } from '../../../src/contracts/attempt-observer.js'
import { type MirrorResolverOptions, mirrorResolver } from '../../../src/strategies/index.js'
import { eventually } from '../../support/eventually.js'
import { deadOrigin, loopbackServer, videoBytes } from '../../upstream/loopback-server.js'
import { rejection, stageContext } from '../../upstream/stage-context.js'

const VIDEO = videoBytes(2_000)
const input = { video: { id: 'gen 1', url: 'https://a.example/a' }, publication: { id: 's_1' } }
const good = () =>
  loopbackServer((_, response) => {
    response.writeHead(200, { 'content-type': 'video/mp4', 'content-length': VIDEO.length }).end(VIDEO)
  })
const status = (code: number) =>
  loopbackServer((_, response) => {
    response.writeHead(code).end()
  })

function observed(controller = new AbortController()) {
  const told: unknown[] = []
  const plain = stageContext(controller.signal)
  const context = withAttemptObserver(plain, {
    succeeded: ({ strategy }) => void told.push(`succeeded ${strategy.name}`),
    failed: ({ strategy, error }) => void told.push(`failed ${strategy.name} ${(error as { code: string }).code}`),
    fellBack: (from, next) => void told.push(`fell back ${from.name} ${next.name}`),
  })
  return { context, told, controller }
}

const resolver = (hosts: readonly string[], options: Partial<MirrorResolverOptions> = {}) =>
  mirrorResolver({ hosts, ...options })
const host = (origin: string) => new URL(origin).host

describe('mirrorResolver', () => {
  test('gives the first proven URL and reports on each host', async () => {
    const [dead, page, mirror] = [await deadOrigin(), await status(500), await good()]
    const { context, told } = observed()
    expect(await resolver([dead, page.origin, `${mirror.origin}/`]).resolve(input, context)).toEqual({
      url: `${mirror.origin}/MP4/s_1.mp4`,
      mediaType: 'video/mp4',
      byteLength: 2_000,
    })
    const [a, b, c] = [dead, page.origin, mirror.origin].map((origin) => `mirror:${host(origin)}`)
    expect(told).toEqual([
      `failed ${a} network`,
      `fell back ${a} ${b}`,
      `failed ${b} upstream-http`,
      `fell back ${b} ${c}`,
      `succeeded ${c}`,
    ])
  })

  test('reports whole milliseconds', async () => {
    const [gone, mirror] = [await status(500), await good()]
    const durations: number[] = []
    let reads = 0
    const monotonic = () => performance.now() + (reads++ % 2) / 3
    const plain = stageContext()
    const note = ({ durationMs }: { readonly durationMs: number }) => void durations.push(durationMs)
    const context = withAttemptObserver(
      { ...plain, clock: { ...plain.clock, monotonic } },
      { succeeded: note, failed: note, fellBack: () => undefined },
    )
    await resolver([gone.origin, mirror.origin]).resolve(input, context)
    expect(durations.map((durationMs) => durationMs % 1)).toEqual([0, 0])
  })

  test('has an error for each host when all fail', async () => {
    const [dead, gone] = [await deadOrigin(), await status(404)]
    const error = await rejection(resolver([dead, gone.origin], { name: 'cdn' }).resolve(input, observed().context))
    expect(error).toMatchObject({
      code: 'all-strategies-failed',
      isRetryable: true,
      errors: [{ code: 'network' }, { code: 'upstream-http', status: 404 }],
    })
  })

  test('fills the path with encoded ids, and takes https for a bare host', async () => {
    const mirror = await good()
    const { url } = await resolver([mirror.origin], { path: '/{videoId}/{postId}?a=b' }).resolve(
      { ...input, publication: { id: '../x' } },
      stageContext(),
    )
    expect(url).toBe(`${mirror.origin}/gen%201/..%2Fx?a=b`)
    const fetch = vi.fn(
      async (_: unknown) => new Response(null, { headers: { 'content-type': 'video/mp4', 'content-length': '9' } }),
    )
    expect(await resolver(['cdn.example'], { fetch }).resolve(input, stageContext())).toMatchObject({
      url: 'https://cdn.example/MP4/s_1.mp4',
    })
    expect(fetch).toHaveBeenCalledTimes(1)
  })

  test.each([[undefined], [{ id: '..' }], [{ id: '' }]])(
    'needs a publication that has an id: %j',
    async (publication) => {
      const error = await rejection(
        resolver(['a.example']).resolve({ video: input.video, publication }, stageContext()),
      )
      expect(error).toMatchObject({ code: 'request-invalid', problems: [{ field: 'publication' }] })
      const other = resolver(['a.example'], { path: '/{videoId}' })
      expect(await rejection(other.resolve({ video: { ...input.video, id: '.' } }, stageContext()))).toMatchObject({
        problems: [{ field: 'video.id' }],
      })
    },
  )

  test('waits for a mirror that has no copy yet, by the clock, and no longer than configured', async () => {
    let misses = 5
    const server = await loopbackServer((_, response) => {
      misses -= 1
      if (misses >= 0) return response.writeHead(404).end()
      return response.writeHead(200, { 'content-type': 'video/mp4', 'content-length': VIDEO.length }).end()
    })
    const context = stageContext()
    await resolver([server.origin], { syncTimeoutMs: 60_000 }).resolve(input, context)
    expect(context.clock.waits).toEqual([1_000, 2_000, 4_000, 8_000, 10_000])
    expect(context.reports).toEqual(Array(5).fill({ phase: 'syncing' }))
    misses = 99
    const late = stageContext()
    const error = await rejection(resolver([server.origin], { syncTimeoutMs: 5_000 }).resolve(input, late))
    expect(error).toMatchObject({ errors: [{ status: 404 }] })
    expect(late.clock.waits).toEqual([1_000, 2_000, 2_000])
  })

  test('a mirror may be private, but leads nowhere private that is not listed', async () => {
    const store = await good()
    const mirror = await loopbackServer((_, response) => response.writeHead(302, { location: store.origin }).end())
    const error = await rejection(resolver([mirror.origin]).resolve(input, stageContext()))
    expect(error).toMatchObject({ errors: [{ code: 'network', isRetryable: false }] })
    expect(store.seen).toEqual([])
    const allowPrivateAddresses = [host(store.origin)]
    expect(await resolver([mirror.origin], { allowPrivateAddresses }).resolve(input, stageContext())).toMatchObject({
      url: `${mirror.origin}/MP4/s_1.mp4`,
    })
    expect(() => resolver([mirror.origin], { allowPrivateAddresses: ['10.0.0.0/99'] })).toThrow(
      'allowPrivateAddresses[0]',
    )
  })

  test('only a 404 is waited for', async () => {
    const server = await status(403)
    const context = stageContext()
    await rejection(resolver([server.origin], { syncTimeoutMs: 60_000 }).resolve(input, context))
    expect(context.clock.waits).toEqual([])
  })

  test('an abort ends it with its reason, and reports no failure', async () => {
    const server = await loopbackServer(() => undefined)
    const { context, told, controller } = observed()
    const waiting = rejection(resolver([server.origin, 'b.example']).resolve(input, context))
    await eventually(() => expect(server.seen.length).toBe(1))
    controller.abort('enough')
    expect(await waiting).toBe('enough')
    expect(told).toEqual([])
    expect(await rejection(resolver([server.origin]).resolve(input, context))).toBe('enough')
  })

  test('its headers stay out of every error', async () => {
    const server = await loopbackServer((sent, response) => {
      response.writeHead(500, { location: '/x' }).end(String(sent.headers['x-key']))
    })
    const error = await rejection(
      resolver([server.origin], { headers: { 'x-key': 'canary-1' } }).resolve(input, stageContext()),
    )
    expect(server.seen[0]?.headers['x-key']).toBe('canary-1')
    expect(inspect(error, { depth: 20, showHidden: true }) + JSON.stringify(error)).not.toContain('canary')
  })
})
