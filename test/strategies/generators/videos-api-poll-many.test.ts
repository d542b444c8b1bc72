import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type VideosApiGeneratorOptions, videosApiGenerator } from '../../../src/strategies/index.js'
import { json, loopbackServer } from '../../upstream/loopback-server.js'
import { rejection, stageContext } from '../../upstream/stage-context.js'

const KEY = 'canary-key-1'
const at = (origin: string, options: Partial<VideosApiGeneratorOptions> = {}) =>
  videosApiGenerator({ baseUrl: `${origin}/v1`, apiKey: KEY, ...options })
const ids = (count: number, from = 0) => Array.from({ length: count }, (_, index) => `v_${from + index}`)
const job = (id: string, status = 'in_progress') => ({ id, object: 'video', status, progress: 40 })
const RUNNING = { state: 'running', ratio: 0.4, phase: 'in_progress' }

/** The statuses of ten jobs, from a server that answers every page so. */
async function pollTen(answer: Parameters<typeof loopbackServer>[0], asked = ids(10)) {
  const server = await loopbackServer(answer)
  const generator = at(server.origin)
  const statuses = await generator.pollMany?.(
    asked.map((id) => ({ id })),
    stageContext(),
  )
  return { statuses, seen: server.seen, origin: server.origin }
}

describe('pollMany of videosApiGenerator', () => {
  test('reads one page of the newest jobs, in the order of the operations', async () => {
    const { statuses, seen } = await pollTen(
      json(200, { data: [job('other'), job('v_1', 'queued'), job('v_0')], has_more: false }),
      ['v_0', 'v_1', 'v_2'],
    )
    expect(statuses).toEqual([RUNNING, { state: 'queued', ratio: 0.4, phase: 'queued' }, undefined])
    expect(seen.map(({ method, url }) => `${method} ${url}`)).toEqual(['GET /v1/videos?limit=100&order=desc'])
    expect(seen[0]?.headers.authorization).toBe(`Bearer ${KEY}`)
  })

  test('asks for nothing without jobs, and for nothing of a job that has an address of its own', async () => {
    const { statuses, seen, origin } = await pollTen(json(200, { data: [job('v_0')] }), [])
    expect(statuses).toEqual([])
    const own = [{ id: 'v_0', pollUrl: `${origin}/queue/v_0` }]
    expect(await at(origin).pollMany?.(own, stageContext())).toEqual([undefined])
    expect(seen).toEqual([])
    const usual = [{ id: 'v_0', pollUrl: `${origin}/v1/videos/v_0` }]
    expect(await at(origin).pollMany?.(usual, stageContext())).toEqual([RUNNING])
  })

  test('waits as long as the answer requests, for each job', async () => {
    const { statuses } = await pollTen(json(200, { data: ids(2).map((id) => job(id)) }, { 'retry-after': '7' }), ids(2))
    expect(statuses).toEqual([
      { ...RUNNING, pollAfterMs: 7000 },
      { ...RUNNING, pollAfterMs: 7000 },
    ])
  })

  test('reads at most one page for ten jobs, by the cursor of the server, and stops when all are found', async () => {
    const pages = (sent: { readonly url: string }): unknown => {
      const after = new URL(sent.url, 'http://host').searchParams.get('after')
      const from = after === null ? 0 : Number(after.slice(2)) + 1
      return { data: ids(100, from).map((id) => job(id)), has_more: true, last_id: `v_${from + 99}` }
    }
    const answer: Parameters<typeof loopbackServer>[0] = (sent, response) => response.end(JSON.stringify(pages(sent)))
    const found = await pollTen(answer, ids(30, 90))
    expect(found.seen).toHaveLength(2)
    expect(found.statuses).toEqual(Array(30).fill(RUNNING))
  })

  test('reads on from the newest of the jobs when many others are newer, and that one is polled alone', async () => {
    const { statuses, seen } = await pollTen(
      (sent, response) => {
        const after = new URL(sent.url, 'http://host').searchParams.get('after')
        const from = after === null ? 0 : Number(after.slice(2)) + 1
        const data = ids(100, from).map((id) => job(id))
        response.end(JSON.stringify({ data, has_more: true, last_id: `v_${from + 99}` }))
      },
      ids(30, 1000),
    )
    expect(seen.map(({ url }) => new URL(url, 'http://host').searchParams.get('after'))).toEqual([null, 'v_1000'])
    expect(statuses).toEqual([undefined, ...Array(29).fill(RUNNING)])
  })

  const pagesOf = (fails?: number): Parameters<typeof loopbackServer>[0] => {
    let page = 0
    return (sent, response) => {
      page += 1
      if (page === fails) return response.writeHead(500).end()
      const after = new URL(sent.url, 'http://host').searchParams.get('after')
      const from = after === null ? 0 : Number(after.slice(2)) + 1
      const data = ids(100, from).map((id) => job(id))
      return response.end(JSON.stringify({ data, has_more: true, last_id: `v_${from + 99}` }))
    }
  }

  test('reads at most twenty pages', async () => {
    const { statuses, seen } = await pollTen(pagesOf(), ids(2500))
    expect(seen).toHaveLength(20)
    expect(statuses?.map((status) => status !== undefined)).toEqual(ids(2500).map((_, index) => index < 2000))
  })

  test('keeps what it read when a later page fails, and fails with the first', async () => {
    const { statuses } = await pollTen(pagesOf(2), ids(150))
    expect(statuses?.map((status) => status !== undefined)).toEqual(ids(150).map((_, index) => index < 100))
    await expect(pollTen(pagesOf(1), ids(150))).rejects.toMatchObject({ status: 500 })
  })

  test('stops at a server without pages, which repeats its list, and believes it', async () => {
    const { statuses, seen } = await pollTen(
      json(
        200,
        ids(15).map((id) => job(id)),
      ),
      ids(30),
    )
    expect(seen).toHaveLength(2)
    expect(statuses).toEqual([...Array(15).fill(RUNNING), ...Array(15).fill(undefined)])
  })

  test.each<[string, unknown]>([
    ['twice', [job('v_0'), job('v_1'), job('v_0', 'queued')]],
    ['three times', [job('v_0'), job('v_0'), job('v_1'), job('v_0')]],
    ['without a state', [{ id: 'v_0' }, job('v_1')]],
    ['with an unknown state', [job('v_0', 'pondering'), job('v_1')]],
    ['with the id of another job inside', [{ id: 'v_0', data: { id: 'v_9', status: 'running' } }, job('v_1')]],
    ['with a longer id', [job('v_00'), job('xv_0'), job('V_0'), job('v_1')]],
    ['as a text', ['v_0', job('v_1')]],
    ['among nothing', [null, 7, [], job('v_1')]],
  ])('gives no status to a job that is listed %s', async (_, data) => {
    expect((await pollTen(json(200, { data }), ids(2))).statuses).toEqual([undefined, RUNNING])
  })

  test('reads ids under the names of other servers', async () => {
    const data = [
      { task_id: 'v_0', task_status: 'PROCESSING' },
      { id: 17, task_id: 'v_1', status: 'IN_PROGRESS' },
    ]
    const { statuses } = await pollTen(json(200, { data }), ids(2))
    expect(statuses).toMatchObject([{ state: 'running' }, undefined])
  })

  test('reports ends as the list has them, without the grace of a poll, which is then still there', async () => {
    const data = [job('v_0', 'completed'), job('v_1', 'failed'), job('v_2', 'cancelled'), job('v_3', 'moderated')]
    const server = await loopbackServer((sent, response) => {
      const isList = sent.url.includes('?')
      response.end(JSON.stringify(isList ? { data } : { id: 'v_0', status: 'completed' }))
    })
    const generator = at(server.origin)
    const operations = ids(4).map((id) => ({ id }))
    for (let count = 0; count < 5; count += 1) {
      const statuses = await generator.pollMany?.(operations, stageContext())
      expect(statuses?.map((status) => status?.state)).toEqual(['completed', 'failed', 'failed', 'failed'])
    }
    expect(await generator.poll({ id: 'v_0' }, stageContext())).toMatchObject({ state: 'running' })
  })

  test.each<[string, Parameters<typeof loopbackServer>[0]]>([
    ['404', json(404, { error: { message: 'no such route' } })],
    ['405', json(405, {})],
    ['401', json(401, { error: { message: `wrong key ${KEY}` } })],
    ['500', json(500, {})],
    ['HTML', (_, response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<html>hello</html>')],
    ['a job', json(200, job('v_0'))],
    ['nothing', (_, response) => response.end()],
  ])('rejects with a typed error without the key for a list that is %s', async (_, answer) => {
    const server = await loopbackServer(answer)
    const error = await rejection(at(server.origin).pollMany?.([{ id: 'v_0' }], stageContext()) ?? Promise.resolve())
    expect(error).toHaveProperty('code')
    expect(JSON.stringify(error)).not.toContain(KEY)
    expect(String(error)).not.toContain(KEY)
  })

  test('follows a list to no other origin', async () => {
    const other = await loopbackServer(json(200, { data: [job('v_0')] }))
    const { statuses, seen } = await pollTen(
      json(200, {
        data: ids(2, 5).map((id) => job(id)),
        has_more: true,
        next: `${other.origin}/v1/videos`,
        last_id: other.origin,
      }),
      ids(20),
    )
    expect(seen).toHaveLength(2)
    expect(other.seen).toEqual([])
    expect(statuses?.slice(0, 5)).toEqual(Array(5).fill(undefined))
  })

  test('keeps the key out of what a list echoes', async () => {
    const { statuses } = await pollTen(json(200, { data: [job('v_0', `running ${KEY}`)] }), ids(1))
    expect(JSON.stringify(statuses)).not.toContain(KEY)
  })

  test('gives any subset of a list its own entries', async () => {
    let data: readonly unknown[] = []
    const server = await loopbackServer((_, response) => response.end(JSON.stringify({ data, has_more: false })))
    const generator = at(server.origin)
    const id = fc.nat({ max: 30 }).map((number) => `v_${number}`)
    const property = fc.asyncProperty(fc.array(id), fc.array(id), async (listed, asked) => {
      data = listed.map((each, index) => ({ ...job(each), progress: index }))
      const operations = asked.map((each) => ({ id: each }))
      const statuses = await generator.pollMany?.(operations, stageContext())
      const expected = asked.map((each) => {
        const places = listed.flatMap((other, index) => (other === each ? [index] : []))
        return places.length === 1 ? places[0] : undefined
      })
      const ratios = statuses?.map((status) => status && 'ratio' in status && Math.round(Number(status.ratio) * 100))
      expect(ratios).toEqual(expected)
    })
    await fc.assert(property, { numRuns: 60 })
  })
})
