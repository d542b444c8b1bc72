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

  it('is sent again when the list proves that it never arrived', async () => {
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
      response.setHeader('date', new Date(now).toUTCString())
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
    ['that is cut off, in a text', { data: [], has_more: 'true' }],
    ['that is cut off, in a number', { data: [], has_more: 1 }],
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

  /** What is found in the pages of a server whose clock is off, a minute after the submission. */
  async function findIn(
    pages: readonly unknown[],
    { sent = request, clockOffMs = 0, hasDate = true }: { sent?: object; clockOffMs?: number; hasDate?: boolean } = {},
  ) {
    const context = { ...fakeContext(), submittedAt: fakeContext().clock.now() - 60_000 }
    const asked: (string | null)[] = []
    const server = await loopbackServer((incoming, response) => {
      const { searchParams } = new URL(incoming.url, 'http://server')
      asked.push(searchParams.get('after'))
      response.sendDate = false
      if (hasDate) response.setHeader('date', new Date(context.clock.now() + clockOffMs).toUTCString())
      response.end(JSON.stringify(pages[Math.min(asked.length, pages.length) - 1]))
    })
    const generator = videosApiGenerator({ baseUrl: `${server.origin}/v1`, lookup: 'list' })
    const found = await generator.find?.({ ...request, ...sent }, context)
    return { found: found === 'unclear' ? found : found?.map(({ id }) => id), asked }
  }

  const NOW = fakeContext().clock.now()
  const at = (secondsAgo: number) => Math.floor(NOW / 1000) - secondsAgo
  const mine = (id: string, secondsAgo: number, prompt = request.prompt) => ({ id, prompt, created_at: at(secondsAgo) })
  const all = (...data: object[]) => ({ data, has_more: false })

  it.each([
    ['CRLF in place of line ends', 'a\nb', 'a\r\nb', {}],
    ['blanks that the server trimmed', '  a cat \n', 'a cat', {}],
    ['letters that are composed otherwise', 'cafe\u0301', 'caf\u00e9', {}],
    ['a prompt of providerOptions', 'a cat', 'a dog', { prompt: 'a dog' }],
  ])('compares what was sent: %s', async (_, prompt, listed, providerOptions) => {
    const sent = { prompt, providerOptions }
    expect((await findIn([all(mine('a', 30, listed))], { sent })).found).toEqual(['a'])
    expect((await findIn([all(mine('a', 30, 'another'))], { sent })).found).toEqual([])
  })

  it('does not know a prompt that providerOptions replaced', async () => {
    expect((await findIn([all()], { sent: { providerOptions: { prompt: ['a'] } } })).found).toBe('unclear')
  })

  it.each([-7_200_000, 7_200_000])('counts by the clock of a server that is %i ms off', async (clockOffMs) => {
    const shift = clockOffMs / 1000
    const page = all(mine('new', 30 - shift), mine('old', 600 - shift))
    expect((await findIn([page], { clockOffMs })).found).toEqual(['new'])
  })

  it.each([
    ['minutes behind', 5 * 60],
    ['up to an hour behind', 58 * 60],
    ['ahead', -5 * 60],
  ])('finds the job of a server whose times are %s of the clock in its answers', async (_, lagSeconds) => {
    expect((await findIn([all(mine('a', 30 + lagSeconds))])).found).toEqual(['a'])
    expect((await findIn([all(mine('x', lagSeconds, 'x'), mine('a', 30 + lagSeconds))])).found).toEqual(['a'])
  })

  it('takes a job for an older one by the times of the list alone', async () => {
    const lagSeconds = 5 * 60
    const page = all(mine('x', lagSeconds, 'x'), mine('old', 300 + lagSeconds))
    expect((await findIn([page])).found).toEqual([])
    expect((await findIn([page], { hasDate: false })).found).toEqual([])
  })

  it.each(['2026-11-30', 'Mon Nov 30 2026 02:23:00', '30/11/2026 02:23'])(
    'does not read %j, of an unknown hour or zone, as a time before the submission',
    async (created_at) => {
      expect((await findIn([all({ id: 'a', prompt: request.prompt, created_at })])).found).toEqual(['a'])
    },
  )

  it.each([12, 86_400 * 365, '12', '1970-01-01T00:00:12Z'])('does not read %j as the time of a job', async (value) => {
    const page = all({ id: 'a', prompt: request.prompt, created_at: value })
    expect((await findIn([page])).found).toEqual(['a'])
  })

  it('does not let a time in the future make every job old', async () => {
    const page = all(mine('x', -86_400, 'x'), mine('a', 30))
    expect((await findIn([page])).found).toEqual(['a'])
  })

  it.each([
    ['beside a list of another name', { data: [], jobs: [mine('a', 30)] }],
    ['beside a list within an object', { results: [], data: { jobs: { page: [mine('a', 30)] } } }],
    ['of a page that counts jobs', { data: [], total: 1 }],
    ['of a page that counts jobs in a text', { data: [], total_count: '3' }],
  ])('proves nothing by an empty list %s', async (_, body) => {
    expect((await findIn([{ ...body, has_more: false }])).found).toBe('unclear')
  })

  it.each([
    { success: false, message: '数据库连接失败' },
    { code: 500, msg: 'internal error' },
    { status: 'error' },
    { error: { message: 'database is locked' } },
    { object: 'list', error: 'backend timeout' },
    { object: 'list', message: 'list is temporarily unavailable' },
    { partial: true, warnings: ['shard 2'] },
    { incomplete_results: true },
    { degraded: true, reason: 'replica lag 40s' },
    { cached_at: 1_700_000_000, stale: true },
    { pagination: { total_items: 9, page: 2 } },
    { pagination: { total: 9 } },
    { filter: { status: 'completed' } },
    { complete: false },
  ])('proves nothing by a list beside %j', async (beside) => {
    expect((await findIn([{ data: [], ...beside }])).found).toBe('unclear')
    expect((await findIn([{ ...all(mine('x', 30, 'x')), ...beside }])).found).toBe('unclear')
    expect((await findIn([{ ...all(mine('a', 30)), ...beside }])).found).toEqual(['a'])
  })

  it.each([
    { object: 'list', first_id: null, last_id: null, has_more: false },
    { code: 0, msg: 'success', request_id: 'r1', error: null },
    { code: 200, success: true, message: 'OK', total: 0, page: 1, page_size: 100 },
    { count: 0, next: null, previous: null },
    { pagination: { total: 0, page: 1 }, errors: [] },
    { base_resp: { status_code: 0, status_msg: 'success' } },
  ])('takes an empty list beside %j for the proof that a job is absent', async (beside) => {
    expect((await findIn([{ data: [], ...beside }])).found).toEqual([])
  })

  it.each([
    [206, {}],
    [203, {}],
    [200, { age: '3600' }],
    [200, { 'x-cache': 'HIT from proxy' }],
    [200, { warning: '110 - "Response is Stale"' }],
  ])('proves nothing by an empty list with the status %i and the headers %j', async (status, headers) => {
    const server = await loopbackServer((_incoming, response) => {
      response.writeHead(status, { 'content-type': 'application/json', ...headers })
      response.end(JSON.stringify(all()))
    })
    const generator = videosApiGenerator({ baseUrl: `${server.origin}/v1`, lookup: 'list' })
    expect(await generator.find?.(request, fakeContext())).toBe('unclear')
  })

  it('takes an empty page for the end where the pages before it had all jobs', async () => {
    const pages = [
      { data: [mine('x', 10, 'x'), mine('y', 20, 'x')], total: 3 },
      { data: [mine('z', 40, 'x')], total: 3 },
    ]
    expect((await findIn([...pages, { data: [], total: 3 }])).found).toEqual([])
  })

  it('takes an hour of doubt for a server without a clock in its answers', async () => {
    const page = all(mine('perhaps', 3000), mine('old', 8000))
    expect((await findIn([page], { hasDate: false })).found).toEqual(['perhaps'])
  })

  it('does not take a job for an older one by the clock of this machine, where the server shows none', async () => {
    expect((await findIn([all(mine('behind', 5 * 3600))], { hasDate: false })).found).toBe('unclear')
    expect((await findIn([all(mine('old', 5 * 3600))])).found).toEqual([])
  })

  it.each([
    ['of UTC', 30, ['a']],
    ['that another zone would bring near', 7200, 'unclear'],
    ['older than any zone', 16 * 3600, []],
  ])('reads a time without a zone as one %s', async (_, secondsAgo, found) => {
    const created_at = new Date(NOW - secondsAgo * 1000).toISOString().slice(0, 19).replace('T', ' ')
    expect((await findIn([all({ id: 'a', prompt: request.prompt, created_at })])).found).toEqual(found)
  })

  it.each([
    ['the oldest first', [mine('x', 9000, 'x'), mine('y', 8000, 'x')], [mine('z', 100, 'x'), mine('a', 30)]],
    ['no order', [mine('x', 9000, 'x'), mine('y', 20, 'x')], [mine('z', 7000, 'x'), mine('a', 30)]],
    ['one job a page', [mine('x', 9000, 'x')], [mine('a', 30)]],
  ])('reads on to the end of a list with %s', async (_, first, second) => {
    const pages = [
      { data: first, has_more: true },
      { data: second, has_more: true },
      { data: [], has_more: false },
    ]
    const { found, asked } = await findIn(pages)
    expect(found).toEqual(['a'])
    expect(asked).toEqual([null, first.at(-1)?.id, 'a'])
  })

  it('reads on where a server does not announce more, until a page is empty', async () => {
    const pages = [{ data: [mine('x', 10, 'x')] }, { data: [mine('a', 30)] }, { data: [] }]
    expect(await findIn(pages)).toEqual({ found: ['a'], asked: [null, 'x', 'a'] })
  })

  it.each([
    ['gives the same page again', [{ data: [mine('x', 10, 'x')] }]],
    ['has a cursor of another kind', [{ data: [mine('x', 10, 'x')], next_cursor: 'c' }]],
    ['announces more after nothing', [{ data: [], has_more: true }]],
  ])('proves nothing where a server %s', async (_, pages) => {
    expect((await findIn(pages)).found).toBe('unclear')
  })

  it('stops at jobs that are older than any zone allows, where times have none', async () => {
    const at = (id: string, secondsAgo: number) => ({
      id,
      prompt: request.prompt,
      created_at: new Date(NOW - secondsAgo * 1000).toISOString().slice(0, 19),
    })
    const [near, far] = [at('b', 10 * 3600), at('b', 16 * 3600)]
    const more = { data: [mine('z', 30)], has_more: true }
    expect(
      (await findIn([{ data: [at('a', 30), { ...near, prompt: 'x' }], has_more: true }, more])).asked,
    ).toHaveLength(3)
    expect(await findIn([{ data: [at('a', 30), far], has_more: true }, more])).toEqual({ found: ['a'], asked: [null] })
  })

  it.each([
    ['of one time', [mine('a', 30), mine('x', 30, 'x')]],
    ['whose first times are equal', [mine('x', 30, 'x'), mine('a', 30), mine('y', 9000, 'x')]],
  ])('finds the job on a page %s', async (_, data) => {
    const { found, asked } = await findIn([
      { data, has_more: true },
      { data: [], has_more: false },
    ])
    expect(found).toEqual(['a'])
    expect(asked.length).toBe(data.length === 3 ? 1 : 2)
  })

  it('trusts a total as the end only where all jobs are listed', async () => {
    expect(await findIn([{ data: [mine('a', 30)], total: 1 }])).toEqual({ found: ['a'], asked: [null] })
    expect(await findIn([{ data: [mine('x', 30, 'x')], total: 2 }, { data: [mine('a', 30)] }, { data: [] }])).toEqual({
      found: ['a'],
      asked: [null, 'x', 'a'],
    })
    expect((await findIn([{ data: [mine('a', 30)], total: 2 }])).found).toBe('unclear')
  })

  it.each(['next', 'next_cursor', 'next_page', 'next_page_token', 'nextPageToken', 'cursor'])(
    'proves nothing where %s names more after nothing',
    async (name) => {
      expect((await findIn([{ data: [], [name]: 'c' }])).found).toBe('unclear')
      expect((await findIn([{ data: [], [name]: '' }])).found).toEqual([])
    },
  )

  it('reads the words of more in both spellings, and a lone return as a line end', async () => {
    expect(await findIn([{ data: [mine('a', 30, 'a\rb')], hasMore: false }], { sent: { prompt: 'a\nb' } })).toEqual({
      found: ['a'],
      asked: [null],
    })
  })

  it.each(['videos', 'items', 'results', 'tasks'])('reads a list that is called %s, and a bare one', async (name) => {
    expect((await findIn([{ [name]: [mine('a', 30)], total: 1 }])).found).toEqual(['a'])
    expect((await findIn([[mine('a', 30)], []])).found).toEqual(['a'])
  })

  it('is present only where it was configured', () => {
    expect(videosApiGenerator(sandbox.videosApi)).not.toHaveProperty('find')
    expect(() => videosApiGenerator({ ...sandbox.videosApi, lookup: 'yes' as never, settleMs: -1 })).toThrow(
      /lookup is .*settleMs is -1/,
    )
  })

  it('does not send when another process has taken the run over', async () => {
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
