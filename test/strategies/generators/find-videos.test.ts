import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { memoryStore, paceSchedule, SoraPipeline } from '../../../src/index.js'
import { type Sandbox, startSandbox } from '../../../src/sandbox/index.js'
import { videosApiGenerator } from '../../../src/strategies/index.js'
import { fakeContext } from '../../../src/testing/index.js'
import { loopbackServer } from '../../upstream/loopback-server.js'

const request = { prompt: 'A cat playing piano', durationSeconds: 1, size: '64x64' }
const pollSchedule = paceSchedule({ firstMs: 40, floorMs: 40, blindMs: 80 })

let sandbox: Sandbox
beforeAll(async () => {
  sandbox = await startSandbox({ speed: 20 })
})
beforeEach(() => sandbox.clearFaults())
afterAll(() => sandbox.close())

const listing = (options: object = {}) =>
  videosApiGenerator({ ...sandbox.videosApi, lookup: 'list', settleMs: 50, createTimeoutMs: 200, ...options })
const creates = () => sandbox.requestsTo('videos.create').length
const run = (prompt: string, options: object = {}) =>
  new SoraPipeline({
    generator: listing(options),
    resolver: { name: 'none', resolve: async () => ({ url: 'https://cdn.example/a.mp4' }) },
    store: memoryStore(),
    pollSchedule,
  }).generate({ ...request, prompt })

describe('a submission of videosApiGenerator whose answer was lost', () => {
  it.each(['reset', 'hang'] as const)('is found in the list after a %s, and not sent again', async (kind) => {
    const before = creates()
    sandbox.setFaults({ 'videos.create': [{ kind, when: 'after-handling' }] })
    await expect(run(`found after a ${kind}`)).resolves.toMatchObject({ servedBy: 'resolver' })
    expect(creates() - before).toBe(1)
  })

  it('is sent again when the list says that it never arrived', async () => {
    const before = creates()
    sandbox.setFaults({ 'videos.create': [{ kind: 'reset' }] })
    await expect(run('never arrived')).resolves.toMatchObject({ servedBy: 'resolver' })
    expect(creates() - before).toBe(2)
  })

  it('gives the same job for the same key, where the upstream honours keys', async () => {
    const before = creates()
    sandbox.setFaults({ 'videos.create': [{ kind: 'reset', when: 'after-handling' }, { kind: 'truncated-json' }] })
    const { video } = await run('by key', { lookup: 'none', idempotency: 'key' })
    expect(creates() - before).toBe(3)
    const { data } = (await (
      await fetch(`${sandbox.videosApi.baseUrl}/videos`, {
        headers: { authorization: `Bearer ${sandbox.videosApi.apiKey}` },
      })
    ).json()) as { data: { id: string; prompt: string }[] }
    expect(data.filter(({ prompt }) => prompt === 'by key').map(({ id }) => id)).toEqual([video.id])
  })
})

describe('find', () => {
  const job = (id: string, prompt: string, secondsAgo: number, now: number) => ({
    id,
    prompt,
    created_at: Math.floor(now / 1000) - secondsAgo,
  })

  it('reads the newest pages until the jobs are older than the submission', async () => {
    const context = fakeContext()
    const now = context.clock.now()
    const pages = [
      { data: [job('d', 'x', 0, now), job('c', request.prompt, 1, now)], has_more: true, last_id: 'c' },
      { data: [job('b', request.prompt, 30, now), job('a', request.prompt, 300, now)], has_more: true, last_id: 'a' },
      { data: [job('0', request.prompt, 1, now)], has_more: false },
    ]
    const asked: (string | undefined)[] = []
    const server = await loopbackServer((incoming, response) => {
      asked.push(incoming.url)
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify(pages[asked.length - 1]))
    })
    const generator = videosApiGenerator({ baseUrl: `${server.origin}/v1`, lookup: 'list' })
    expect(await generator.find?.(request, context)).toEqual([{ id: 'c' }, { id: 'b' }])
    expect(asked).toEqual(['/v1/videos?limit=100&order=desc', '/v1/videos?limit=100&order=desc&after=c'])
  })

  it.each([
    ['without prompts', { data: [{ id: 'a', created_at: 9_999_999_999 }] }],
    ['without ids', { data: [{ prompt: request.prompt, created_at: 9_999_999_999 }] }],
    ['that never ends', { data: [], has_more: true, last_id: 'a' }],
    ['that is cut off', { data: [], has_more: true }],
    ['that may be cut off', { data: Array.from({ length: 100 }, (_, id) => ({ id: `${id}`, prompt: 'x' })) }],
    ['that is not a list', { object: 'video' }],
  ])('does not conclude that a job is absent from a list %s', async (_, body) => {
    const server = await loopbackServer((_incoming, response) => {
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify(body))
    })
    const generator = videosApiGenerator({ baseUrl: `${server.origin}/v1`, lookup: 'list' })
    const found = generator.find?.(request, fakeContext())
    if ('data' in body) expect(await found).toBe('unclear')
    else await expect(found).rejects.toThrow('look for the job')
  })

  it('is there only where it was asked for', () => {
    expect(videosApiGenerator(sandbox.videosApi)).not.toHaveProperty('find')
    expect(() => videosApiGenerator({ ...sandbox.videosApi, lookup: 'yes' as never, settleMs: -1 })).toThrow(
      /lookup is .*settleMs is -1/,
    )
  })

  it('does not send when the run is not its own any more', async () => {
    const before = creates()
    const lost = new Error('taken over')
    const confirm = () => {
      throw lost
    }
    await expect(
      videosApiGenerator(sandbox.videosApi).start(request, { ...fakeContext(), confirm }),
    ).rejects.toMatchObject({
      message: expect.stringContaining('taken over'),
    })
    expect(creates()).toBe(before)
  })
})
