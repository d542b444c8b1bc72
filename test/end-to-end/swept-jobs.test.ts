import { setImmediate as nextTurn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { SoraPipeline, type TaskGenerator } from '../../src/index.js'
import { type VideosApiOperation, videosApiGenerator } from '../../src/strategies/index.js'
import type { ManualClock } from '../../src/testing/index.js'
import { burstClock } from '../support/burst-clock.js'
import { loopbackServer } from '../upstream/loopback-server.js'

const JOBS = 100
const SECOND = 1000

type Handler = Parameters<typeof loopbackServer>[0]
type Job = { readonly id: string; readonly endsAt: number }

const hangs: Handler = () => undefined

/** A server of the `/v1/videos` family whose jobs take 40 to 44 seconds of a clock, the list of which a test may replace. */
function videoServer(clock: ManualClock, list?: Handler) {
  const jobs: Job[] = []
  const shown = ({ id, endsAt }: Job) => {
    const isOver = clock.monotonic() >= endsAt
    const url = `https://cdn.example/${id}.mp4`
    return { id, object: 'video', status: isOver ? 'completed' : 'in_progress', progress: 5, ...(isOver && { url }) }
  }
  return loopbackServer((sent, response, request): unknown => {
    const { pathname, searchParams } = new URL(sent.url, 'http://host')
    if (sent.method === 'POST') {
      const id = JSON.parse(sent.body.toString()).prompt.replace('Cat ', 'v_')
      const job = { id, endsAt: clock.monotonic() + 40 * SECOND + 40 * jobs.length }
      jobs.push(job)
      return response.end(JSON.stringify(shown(job)))
    }
    if (pathname !== '/v1/videos') {
      const job = jobs.find(({ id }) => pathname.endsWith(`/${id}`))
      return response.writeHead(job ? 200 : 404).end(JSON.stringify(job ? shown(job) : {}))
    }
    if (list !== undefined) return list(sent, response, request)
    const newest = jobs.toReversed()
    const from = newest.findIndex(({ id }) => id === searchParams.get('after')) + 1
    const page = newest.slice(from, from + Number(searchParams.get('limit')))
    const hasMore = from + page.length < newest.length
    return response.end(JSON.stringify({ data: page.map(shown), has_more: hasMore, last_id: page.at(-1)?.id }))
  })
}

/** Plays a hundred jobs to their ends, and counts the requests about them after their submission. */
async function play({ list, isAlone = false }: { readonly list?: Handler; readonly isAlone?: boolean } = {}) {
  const clock = burstClock()
  const server = await videoServer(clock, list)
  const { pollMany, ...plain } = videosApiGenerator({ baseUrl: `${server.origin}/v1`, apiKey: 'key-1' })
  let open = 0
  const counted = async <T>(call: Promise<T>) => {
    open += 1
    return call.finally(() => {
      open -= 1
    })
  }
  const generator: TaskGenerator<VideosApiOperation> = {
    ...plain,
    start: (request, context) => counted(plain.start(request, context)),
    poll: (operation, context) => counted(plain.poll(operation, context)),
    // Only the clock ends a sweep that hangs.
    ...(!isAlone &&
      pollMany && {
        pollMany: (operations, context) =>
          list === hangs ? pollMany(operations, context) : counted(pollMany(operations, context)),
      }),
  }
  const pipeline = new SoraPipeline({ generator, clock, pollSchedule: () => 5 * SECOND, learnDurations: false })
  const runs = Array.from({ length: JOBS }, (_, index) => pipeline.run({ prompt: `Cat ${index}` }))
  let isOver = false
  const ended = Promise.all(runs.map(({ result }) => result)).finally(() => {
    isOver = true
  })
  while (!isOver) {
    await clock.advance(64)
    while (open > 0) await nextTurn()
  }
  const results = await ended
  expect(results.flatMap(({ warnings }) => warnings)).toEqual([])
  expect(results.map(({ url }) => url)).toEqual(runs.map((_, index) => `https://cdn.example/v_${index}.mp4`))
  const { seen } = server
  const lists = seen.filter(({ url }) => url.includes('?')).length
  return { lists, all: seen.filter(({ method }) => method === 'GET').length }
}

describe('a hundred jobs that were started together, on real HTTP', () => {
  it('cost at most a fifth of the requests when they are swept', async () => {
    const alone = await play({ isAlone: true })
    const swept = await play()
    expect(alone).toEqual({ lists: 0, all: expect.any(Number) })
    expect(swept.lists).toBeGreaterThan(0)
    expect(swept.all).toBeLessThanOrEqual(alone.all / 5)
  })

  it.each<[string, Handler]>([
    ['is not there', (_, response) => response.writeHead(404).end('{}')],
    ['is a page', (_, response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<html>hello</html>')],
    ['hangs', hangs],
    ['is empty', (_, response) => response.end(JSON.stringify({ data: [], has_more: false }))],
    [
      'lists the jobs of others',
      (_, response) => response.end(JSON.stringify({ data: [{ id: 'v_x', status: 'failed' }] })),
    ],
    [
      'lies that all have failed',
      (_, response) =>
        response.end(
          JSON.stringify({ data: Array.from({ length: JOBS }, (_, id) => ({ id: `v_${id}`, status: 'failed' })) }),
        ),
    ],
  ])('end all the same when the list %s', async (_, list) => {
    const { lists } = await play({ list })
    expect(lists).toBeGreaterThan(0)
    expect(lists).toBeLessThan(100)
  })
})
