import { describe, expect, test } from 'vitest'
import type { VideoRequest } from '../../../src/contracts/request.js'
import { memoryStore, SoraPipeline } from '../../../src/index.js'
import { type TaskApiGeneratorOptions, type TaskApiOperation, taskApiGenerator } from '../../../src/strategies/index.js'
import { generatorConformance, manualClock } from '../../../src/testing/index.js'
import { collect } from '../../support/collect.js'
import { json, loopbackServer, videoBytes } from '../../upstream/loopback-server.js'
import { instantClock, rejection, stageContext } from '../../upstream/stage-context.js'

const KEY = 'canary-key-1-7f3a9c'
const VIDEO = videoBytes(20_000)
const PNG = `data:image/png;base64,${Buffer.from([137, 80, 78, 71, 13, 10, 26, 10, 0, 0, 0, 13]).toString('base64')}`

const at = (origin: string, options: Partial<TaskApiGeneratorOptions> = {}) =>
  taskApiGenerator({
    name: 'my-api',
    baseUrl: `${origin}/api`,
    apiKey: KEY,
    create: ({ prompt }) => ({ path: '/tasks', body: { prompt } }),
    poll: { path: ({ id }) => `/tasks/${encodeURIComponent(id)}` },
    allowPrivateAddresses: ['127.0.0.1'],
    ...options,
  })
const start = async (origin: string, options: Partial<TaskApiGeneratorOptions>, request: Partial<VideoRequest> = {}) =>
  at(origin, options).start({ prompt: 'A cat', ...request }, stageContext())
const bodyOf = ({ body }: { readonly body: Buffer }) => JSON.parse(body.toString())

describe('taskApiGenerator', () => {
  const subject = (server: Awaited<ReturnType<typeof loopbackServer>>) => ({
    generator: at(server.origin, {
      read: ({ text }) => ({ id: text('output.task_id'), status: text('output.task_status') }),
      cancel: { method: 'DELETE', path: ({ id }) => `/tasks/${id}` },
      find: { path: ({ number }) => `/tasks?page=${number}` },
    }),
    secrets: [KEY],
    requests: () => server.seen.length,
    clock: instantClock(),
  })
  generatorConformance({
    test,
    async create() {
      const jobs = new Map<string, { polls: number; readonly prompt: string }>()
      return subject(
        await loopbackServer((sent, response, request) => {
          const [path = ''] = sent.url.split('?')
          const id = path.split('/')[3] ?? ''
          const task = (taskId: string, task_status: string) => ({ output: { task_id: taskId, task_status } })
          if (path.startsWith('/files/')) {
            const offset = Number(/\d+/.exec(sent.headers.range ?? '0')?.[0])
            const range = { 'content-range': `bytes ${offset}-${VIDEO.length - 1}/${VIDEO.length}` }
            return response
              .writeHead(offset > 0 ? 206 : 200, { 'content-type': 'video/mp4', ...(offset > 0 && range) })
              .end(VIDEO.subarray(offset))
          }
          if (sent.method === 'POST') {
            jobs.set(`t_${jobs.size + 1}`, { polls: 0, prompt: bodyOf(sent).prompt })
            return response.end(JSON.stringify(task(`t_${jobs.size}`, 'PENDING')))
          }
          if (sent.url.includes('?page')) {
            const data = Array.from(jobs, ([listed, { prompt }]) => ({ ...task(listed, 'RUNNING'), prompt }))
            return response.end(JSON.stringify({ data: data.toReversed(), has_more: false }))
          }
          if (sent.method === 'DELETE') return response.end('{}')
          const job = jobs.get(id)
          if (job === undefined) return json(404, { message: 'no such task' })(sent, response, request)
          job.polls += 1
          const done = job.polls > 2
          const video = done && { video_url: `http://${sent.headers.host}/files/${id}.mp4` }
          const { output } = task(id, done ? 'SUCCEEDED' : 'RUNNING')
          return response.end(JSON.stringify({ output: { ...output, ...video, progress: job.polls * 30 } }))
        }),
      )
    },
    createHanging: async () => subject(await loopbackServer(() => undefined)),
    createFailing: async () =>
      subject(
        await loopbackServer((sent, response) => {
          response.writeHead(503).end(sent.headers.authorization)
        }),
      ),
  })
})

describe('a submission', () => {
  test('is the request that create returns, sent once with the key and the idempotency key', async () => {
    const server = await loopbackServer(json(200, { id: 't 1', status: 'queued' }))
    const create: TaskApiGeneratorOptions['create'] = ({ prompt, model }, { idempotencyKey }) => ({
      path: '/v2/tasks?async=1',
      method: 'PUT',
      headers: { 'x-async': 'enable' },
      body: { prompt, model, external_id: idempotencyKey },
    })
    const started = await start(
      server.origin,
      { create, model: 'wan' },
      { providerOptions: { fps: 24, model: 'other' } },
    )
    expect(started).toEqual({ operation: { id: 't 1' }, status: { state: 'queued', phase: 'queued' } })
    const [sent] = server.seen
    expect(sent).toMatchObject({ method: 'PUT', url: '/api/v2/tasks?async=1' })
    expect(sent?.headers).toMatchObject({
      authorization: `Bearer ${KEY}`,
      'idempotency-key': stageContext().idempotencyKey,
      'x-litellm-num-retries': '0',
      'x-async': 'enable',
      'content-type': 'application/json',
    })
    expect(sent && bodyOf(sent)).toEqual({
      prompt: 'A cat',
      model: 'other',
      external_id: stageContext().idempotencyKey,
      fps: 24,
    })
    expect(server.seen).toHaveLength(1)
  })

  test.each([
    ['Bearer', 'authorization', `Bearer ${KEY}`],
    ['Key', 'authorization', `Key ${KEY}`],
    ['Token', 'authorization', `Token ${KEY}`],
    ['x-api-key', 'x-api-key', KEY],
    ['x-goog-api-key', 'x-goog-api-key', KEY],
  ] as const)('carries the key as %s', async (authScheme, header, value) => {
    const server = await loopbackServer(json(200, { id: 't1' }))
    await start(server.origin, { authScheme })
    expect(server.seen[0]?.headers[header]).toBe(value)
    expect(JSON.stringify(server.seen[0]?.headers).split(KEY)).toHaveLength(2)
  })

  test('carries media as texts, and as a file in a form', async () => {
    const server = await loopbackServer(json(200, { id: 't1' }))
    const image = { bytes: Buffer.from(PNG.split(',')[1] ?? '', 'base64'), mediaType: 'image/png' }
    await start(
      server.origin,
      { create: (given) => ({ path: '/tasks', body: { image: given.image ?? null } }) },
      { image },
    )
    expect(server.seen[0] && bodyOf(server.seen[0])).toEqual({ image: PNG })
    const create: TaskApiGeneratorOptions['create'] = (given, { toFile }) => {
      const form = new FormData()
      form.set('image', toFile(given.image ?? ''))
      return { path: '/tasks', body: form }
    }
    await start(server.origin, { create }, { image, providerOptions: { steps: 5 } })
    const sent = server.seen[1]?.body.toString('latin1')
    expect(sent).toMatch(/name="image"; filename="image.png"\r\nContent-Type: image\/png/)
    expect(sent).toMatch(/name="steps"\r\n\r\n5/)
    const refused = await rejection(start(server.origin, { create }, { image: 'https://cdn.example/a.png' }))
    expect(refused).toMatchObject({ code: 'request-invalid', problems: [{ field: 'image' }] })
    expect(server.seen).toHaveLength(2)
  })

  test.each([
    [{ image: PNG }, 'image'],
    [{ remixOf: 'v1' }, 'remixOf'],
    [{ style: 'anime', seed: 5 }, 'style'],
  ])('is refused for a field that changes the result and that create does not read: %j', async (request, field) => {
    const server = await loopbackServer(json(200, { id: 't1' }))
    const error = await rejection(start(server.origin, {}, request))
    expect(error).toMatchObject({ code: 'request-invalid', problems: [{ field }] })
    expect(server.seen).toHaveLength(0)
  })

  test('warns of every other field that create does not read, unless providerOptions has it', async () => {
    const server = await loopbackServer(json(200, { id: 't1' }))
    const context = stageContext()
    const request = { prompt: 'A cat', seed: 5, user: 'u', durationSeconds: 8, providerOptions: { user: 'u' } }
    const create: TaskApiGeneratorOptions['create'] = ({ durationSeconds }) => ({
      path: '/t',
      body: { durationSeconds },
    })
    await at(server.origin, { create }).start(request, context)
    expect(context.warnings.map(({ message }) => message)).toEqual([
      `my-api does not send seed: its submission to ${new URL(server.origin).host} has no such field`,
    ])
    await at(server.origin, { create: (given) => ({ path: '/t', body: { ...given } }), supports: ['user'] }).start(
      { prompt: 'A cat', seed: 5, user: 'u' },
      context,
    )
    expect(context.warnings).toHaveLength(2)
  })

  const everything: VideoRequest = {
    ...{ prompt: 'A cat', style: 'anime', remixOf: 'video_1', seed: 5, user: 'u', audio: true, durationSeconds: 8 },
    storyboard: [{ durationSeconds: 5, prompt: 'sunrise' }],
    ...{ lastFrame: PNG, references: ['https://cdn.example/a.png'], audioInput: 'https://cdn.example/a.mp3' },
  }
  const reported = ['style', 'remixOf', 'storyboard', 'lastFrame', 'references', 'audioInput']
  const others = ['seed', 'user', 'audio', 'durationSeconds']

  test.each<[string, TaskApiGeneratorOptions['create']]>([
    ['a rest pattern', ({ prompt, ...rest }) => ({ path: '/t', body: { prompt, isRest: rest !== undefined } })],
    ['a spread', (given) => ({ path: '/t', body: { prompt: { ...given }.prompt } })],
    ['Object.entries', (given) => ({ path: '/t', body: { count: String(Object.entries(given).length) } })],
    ['Object.assign', (given) => ({ path: '/t', body: { prompt: Object.assign({}, given).prompt } })],
    ['JSON.stringify', (given) => ({ path: '/t', body: { digest: JSON.stringify(given).length % 2 } })],
    [
      'a loop over its names',
      (given) => {
        const values = Object.keys(given).map((name) => given[name as keyof typeof given])
        return { path: '/t', body: { isEmpty: values.length === 0 } }
      },
    ],
    [
      'for … in',
      (given) => {
        const body: Record<string, string> = {}
        for (const name in given) body[name] = typeof given[name as keyof typeof given]
        return { path: '/t', body }
      },
    ],
  ])('reports fields that create only read with all others: %s', async (_, create) => {
    const server = await loopbackServer(json(200, { id: 't1' }))
    const error = await rejection(at(server.origin, { create }).start(everything, stageContext()))
    const { problems = [] } = error as { problems?: { field: string }[] }
    expect(problems.map(({ field }) => field).sort()).toEqual([...reported].sort())
    expect(server.seen).toHaveLength(0)
    const context = stageContext()
    const asked = Object.fromEntries(Object.entries(everything).filter(([field]) => !reported.includes(field)))
    await at(server.origin, { create }).start(asked as unknown as VideoRequest, context)
    expect(context.warnings.map(({ message }) => /send (\w+)/.exec(message)?.[1])).toEqual(others)
  })

  test.each<[string, TaskApiGeneratorOptions['create']]>([
    ['a spread into the body', (given) => ({ path: '/t', body: { ...given } })],
    ['a rest pattern', ({ prompt, ...rest }) => ({ path: '/t', body: { input: { prompt }, parameters: { ...rest } } })],
    ['a request in a body', (given) => ({ path: '/t', body: { request: given } })],
    [
      'a form',
      (given) => {
        const form = new FormData()
        for (const [name, value] of Object.entries(given))
          form.set(name, typeof value === 'object' ? JSON.stringify(value) : String(value))
        return { path: '/t', body: form }
      },
    ],
    [
      'names of its own',
      (given) => {
        const { storyboard, references = [], lastFrame, audioInput, remixOf, ...rest } = { ...given }
        const content = [...references, lastFrame].map((url) => ({ image_url: { url } }))
        const { durationSeconds: duration_seconds, ...same } = rest
        const remix_of = remixOf
        return {
          path: `/t?sound=${audioInput}`,
          body: { ...same, duration_seconds, content, shots: storyboard, remix_of },
        }
      },
    ],
    [
      'a direct read after it',
      (given) => {
        const copy = { ...given }
        const { style, remixOf, storyboard, lastFrame, references, audioInput, seed, user, audio, durationSeconds } =
          given
        const sent = { style, remixOf, storyboard, lastFrame, references, audioInput, seed, user, audio }
        return { path: '/t', body: { text: copy.prompt, all: JSON.stringify(sent), length: `${durationSeconds}s` } }
      },
    ],
  ])('counts fields as sent that the request shows: %s', async (_, create) => {
    const server = await loopbackServer(json(200, { id: 't1' }))
    const context = stageContext()
    await at(server.origin, { create }).start(everything, context)
    expect(context.warnings).toEqual([])
    expect(server.seen).toHaveLength(1)
  })

  test('counts a file as sent, and providerOptions that a spread did not send are merged', async () => {
    const server = await loopbackServer(json(200, { id: 't1' }))
    const create: TaskApiGeneratorOptions['create'] = (given, { toFile }) => {
      const { lastFrame = '', prompt } = { ...given }
      const form = new FormData()
      form.set('prompt', prompt)
      form.set('end', toFile(lastFrame))
      return { path: '/t', body: form }
    }
    const providerOptions = { fps: 24 }
    await at(server.origin, { create }).start({ prompt: 'A cat', lastFrame: PNG, providerOptions }, stageContext())
    expect(server.seen[0]?.body.toString('latin1')).toContain('name="fps"')
  })

  test.each<[string, Partial<TaskApiGeneratorOptions>, string]>([
    ['nothing', { create: () => undefined as never }, 'create() is '],
    ['a list', { create: () => [] as never }, 'create() is '],
    ['no path', { create: () => ({ body: {} }) as never }, 'create().path'],
    ['a path without a slash', { create: () => ({ path: 'tasks' }) }, 'create().path is'],
    ['a path that leads up', { create: () => ({ path: '/a/../../admin' }) }, 'create().path is'],
    ['another origin', { create: () => ({ path: 'https://evil.example/a' }) }, 'create().path is'],
    ['a host as a path', { create: () => ({ path: '//evil.example/a' }) }, 'create().path is'],
    ['another method', { create: () => ({ path: '/a', method: 'GET' }) as never }, 'create().method is'],
    ['an unknown field', { create: () => ({ path: '/a', json: {} }) as never }, 'create().json is unknown'],
    ['what is not JSON', { create: () => ({ path: '/a', body: new Map() }) as never }, 'create().body is'],
    [
      'a bigint',
      { create: () => ({ path: '/a', body: { input: { seeds: [1, 2n] } } }) },
      'create().body.input.seeds[1] is the bigint 2',
    ],
    ['a function', { create: () => ({ path: '/a', body: { input: () => 1 } }) }, 'create().body.input is a function'],
    [
      'a cycle',
      {
        create() {
          const body: Record<string, unknown> = {}
          body.input = { body }
          return { path: '/a', body }
        },
      },
      'create().body.input.body is an object (give what JSON can hold)',
    ],
    ['a key', { create: () => ({ path: '/a', headers: { Authorization: 'x' } }) }, 'create().headers["Authorization"]'],
    ['a bad header', { create: () => ({ path: '/a', headers: { 'a b': 'x' } }) }, 'create().headers["a b"]'],
    [
      'an error',
      {
        create: () => {
          throw new TypeError('no prompt')
        },
      },
      'create() failed: TypeError: no prompt',
    ],
    ['a rejection', { create: () => Promise.reject(new Error('late')) }, 'create() failed: Error: late'],
  ])('is not sent when create gives %s', async (_, options, message) => {
    const server = await loopbackServer(json(200, { id: 't1' }))
    const error = await rejection(start(server.origin, options))
    expect(error).toMatchObject({ code: 'configuration-invalid', message: expect.stringContaining(message) })
    expect(server.seen).toHaveLength(0)
  })

  test.each<[string, TaskApiGeneratorOptions['read'], RegExp]>([
    [
      'throws with the key',
      ({ text }) => {
        throw new RangeError(`bad ${text('status')} ${KEY}`)
      },
      /read\(\) threw RangeError: bad (queued|running) \[redacted\]$/,
    ],
    ['returns nothing', ({ at }) => at('nothing') as never, /read\(\) is nothing \(return an object/],
    [
      'returns a wrong type',
      ({ at }) => ({ id: at('progress') ?? 5.5 }) as never,
      /an object whose id is 5.5 \(give a text/,
    ],
    [
      'returns an unknown field',
      ({ text }) => (text('id') === '1' ? {} : { state: 'done' }) as never,
      /an object with state, which is unknown \(give one of id, status/,
    ],
    [
      'returns a promise',
      ({ text }) => (text('id') === '1' ? {} : Promise.reject(text('id'))) as never,
      /is a promise \(give a/,
    ],
  ])('has an unknown outcome when read %s', async (_, read, message) => {
    const server = await loopbackServer(json(200, { id: 't1', status: 'queued' }))
    const error = await rejection(start(server.origin, { read }))
    expect(error).toMatchObject({ code: 'submission-unknown', cause: { code: 'upstream-response' } })
    expect((error as { cause: Error }).cause.message).toMatch(message)
    expect(String(error)).not.toContain(KEY)
    expect(server.seen).toHaveLength(1)
    const missed = await rejection(at(server.origin, { read }).poll({ id: 't1' }, stageContext()))
    expect(missed).toMatchObject({
      code: 'upstream-response',
      isRetryable: true,
      message: expect.stringMatching(message),
    })
  })

  test.each([
    [400, 'upstream-http'],
    [429, 'rate-limited'],
    [500, 'submission-unknown'],
    [409, 'submission-unknown'],
  ])('answered with %i is %s, also when read fails on the error', async (status, code) => {
    const server = await loopbackServer(json(status, { detail: 'no' }))
    const read: TaskApiGeneratorOptions['read'] = ({ text }) => {
      throw new TypeError(`not a job: ${text('detail')}`)
    }
    expect(await rejection(start(server.origin, { read }))).toMatchObject({ code })
    expect(server.seen).toHaveLength(1)
  })

  const oh = () => {
    throw new Error('oh')
  }
  const paths = (path: never): readonly (readonly [string, Partial<TaskApiGeneratorOptions>])[] => [
    ['poll', { poll: { path } }],
    ['result', { result: { path } }],
    ['cancel', { cancel: { path } }],
    ['find', { find: { path } }],
  ]

  test.each([
    ...paths(oh as never).map(([name, options]) => [options, `${name}.path() failed: Error: oh (let it return`]),
    ...paths((() => 'tasks') as never).map(([name, options]) => [options, `${name}.path() is "tasks" (return a path`]),
    ...paths((() => undefined) as never).map(([name, options]) => [
      options,
      `${name}.path() is nothing (return a path`,
    ]),
    ...paths((() => Promise.resolve('/t')) as never).map(([name, options]) => [options, `${name}.path() is an object`]),
    [{ poll: { path: () => '/t', body: oh } }, 'poll.body() failed: Error: oh'],
    [{ poll: { path: () => '/t', body: () => ({ seed: 1n }) } }, 'poll.body() is an object'],
    [{ read: oh }, 'read() of a create failed: Error: oh (let it return; nothing was sent)'],
    [{ read: ({ phase }) => (phase === 'poll' ? oh() : {}) }, 'read() of a poll failed: Error: oh'],
    [{ read: () => undefined }, 'read() of a create is nothing (return an object'],
    [{ read: () => ({ id: 5.5 }) }, 'read() of a create is an object whose id is 5.5'],
    [{ read: ({ text }) => ({ state: text('a') }) }, 'an object with state, which is unknown'],
    [{ read: ({ text }) => Promise.resolve({ id: text('a') }) }, 'read() of a create is a promise'],
    [
      {
        read: ({ body }) =>
          Object(body).list.map(() => {
            throw new ReferenceError('nowhere is not defined')
          }),
      },
      'ReferenceError: nowhere is',
    ],
  ] as [Partial<TaskApiGeneratorOptions>, string][])(
    'is not sent when a function that is needed after it cannot work: %# %s',
    async (options, message) => {
      const server = await loopbackServer(json(200, { id: 't1' }))
      const generator = at(server.origin, options)
      for (const _ of [1, 2]) {
        const error = await rejection(generator.start({ prompt: 'A cat' }, stageContext()))
        expect(error).toMatchObject({ code: 'configuration-invalid', message: expect.stringContaining(message) })
      }
      expect(server.seen).toHaveLength(0)
    },
  )

  test.each<Partial<TaskApiGeneratorOptions>>([
    { poll: { path: ({ id }) => (/^task_\d+$/.test(id) ? `/${id}` : oh()) } },
    { poll: { path: ({ id }) => `/${id.split(':')[2]?.trim() ?? oh()}` } },
    { poll: { path: ({ pollUrl }) => new URL(pollUrl ?? '').pathname } },
    { poll: undefined },
    { cancel: {} },
    { read: ({ body }) => (typeof body === 'object' ? {} : oh()) },
    { read: ({ body }) => (Array.isArray(body) ? oh() : {}) },
    { read: ({ phase }) => (phase === 'list' ? oh() : {}) },
    { read: ({ body }) => ({ id: Object(body).data?.jobs[0].id.trim() }) },
    { read: ({ text }) => (text('id') === 't1' ? {} : oh()) },
    {
      read({ body, text }) {
        let [inner, count] = [Object(body), 0]
        while (inner.data) inner = inner.data
        while (text(`jobs.${count}.id`) !== undefined) count += 1
        return { id: inner.id }
      },
    },
  ])('is sent when the functions that are needed after it may work: %#', async (options) => {
    const server = await loopbackServer(json(200, { id: 't1' }))
    await start(server.origin, options)
    expect(server.seen).toHaveLength(1)
  })

  test('is configured without functions that are async', () => {
    const later = async () => '/t'
    for (const [name, options] of paths(later as never))
      expect(() => at('http://api.example', options)).toThrow(
        `${name}.path is a function (give a function that is not async)`,
      )
    expect(() => at('http://api.example', { read: (async () => ({})) as never })).toThrow(/read is a function \(give/)
  })
})

describe('a run', () => {
  /** A run whose job always has a state, on a clock of its own. */
  async function ended(status: string, deadlines = {}) {
    const [clock, methods] = [manualClock(), [] as string[]]
    const fetch = async (_: unknown, { method = 'GET' }: RequestInit = {}) => {
      methods.push(method)
      return Response.json(method === 'POST' ? { id: 't1' } : { id: 't1', status })
    }
    const generator = at('http://api.example', { fetch: fetch as typeof globalThis.fetch })
    const run = new SoraPipeline({ generator, clock, store: memoryStore({ clock }), deadlines }).run({
      prompt: 'A cat',
    })
    const error = await rejection(clock.runUntil(run.result))
    const events = await collect(run)
    return { error, polls: methods.length - 1, warnings: events.filter(({ type }) => type === 'warning') }
  }

  test('of a completed job without a video polls three more times, and ends with the handle of the job', async () => {
    const { error, polls } = await ended('completed')
    expect(error).toMatchObject({
      code: 'upstream-response',
      handle: { operation: { id: 't1' } },
      message: expect.stringContaining('no video is named'),
    })
    expect(polls).toBe(4)
  })

  test('warns once of a state that is not known, without the key in it, and polls until the deadline', async () => {
    const { error, polls, warnings } = await ended(`Reticulating ${KEY} ${'x'.repeat(500)}`, { generateMs: 60_000 })
    expect(error).toMatchObject({ code: 'stage-timeout' })
    expect(warnings).toMatchObject([{ code: 'unknown-state', message: expect.stringContaining('"Reticulating [') }])
    expect(JSON.stringify(warnings)).not.toContain(KEY)
    expect(JSON.stringify(warnings).length).toBeLessThan(500)
    expect(polls).toBeGreaterThan(4)
  })

  test.each(['queued', 'unknown', 'IN_PROGRESS'])('does not warn of the state %j', async (status) => {
    expect((await ended(status, { generateMs: 10_000 })).warnings).toEqual([])
  })
})

describe('a job', () => {
  const poll = (
    origin: string,
    options: Partial<TaskApiGeneratorOptions>,
    operation: TaskApiOperation = { id: 't1' },
  ) => at(origin, options).poll(operation, stageContext())

  test('is polled at the address that the submission named, on the own origin alone', async () => {
    let pollUrl = ''
    const server = await loopbackServer((sent, response) => {
      response.end(JSON.stringify(sent.method === 'POST' ? { id: 't1', status_url: pollUrl } : { status: 'running' }))
    })
    const { origin } = server
    pollUrl = `${origin}/queue/t1/status`
    const { operation } = await start(origin, { poll: undefined })
    expect(operation).toEqual({ id: 't1', pollUrl })
    expect(await poll(origin, { poll: undefined }, operation)).toMatchObject({ state: 'running' })
    expect(server.seen[1]?.url).toBe('/queue/t1/status')
    pollUrl = 'https://elsewhere.example/t1'
    const lost = await start(origin, { poll: undefined })
    expect(lost.operation).toEqual({ id: 't1' })
    const error = await rejection(poll(origin, { poll: undefined }, lost.operation))
    expect(error).toMatchObject({ code: 'configuration-invalid', message: expect.stringContaining('poll is missing') })
    const forged = await rejection(poll(origin, { poll: undefined }, { id: 't1', pollUrl }))
    expect(forged).toMatchObject({ code: 'configuration-invalid' })
    expect(server.seen).toHaveLength(3)
  })

  test('is polled with a body where the API wants one', async () => {
    const server = await loopbackServer(json(200, { status: 'running', percent: '40%' }))
    const status = await poll(server.origin, {
      poll: { method: 'POST', path: () => '/status', body: ({ id }) => ({ requestId: id }) },
    })
    expect(status).toMatchObject({ state: 'running', ratio: 0.4 })
    expect(server.seen[0]).toMatchObject({ method: 'POST', url: '/api/status' })
    expect(server.seen[0] && bodyOf(server.seen[0])).toEqual({ requestId: 't1' })
  })

  test.each<[string, Partial<TaskApiGeneratorOptions>, string]>([
    ['throws', { poll: { path: () => ({}) as never } }, 'poll.path() is'],
    [
      'throws',
      {
        poll: {
          path: () => {
            throw new Error('oh')
          },
        },
      },
      'poll.path() failed: Error: oh',
    ],
    ['leads elsewhere', { poll: { path: () => 'http://evil.example/' } }, 'poll.path() is'],
  ])('keeps its handle when the path of a poll %s', async (_, options, message) => {
    const server = await loopbackServer(json(200, {}))
    const error = await rejection(poll(server.origin, options))
    expect(error).toMatchObject({ code: 'configuration-invalid', message: expect.stringContaining(message) })
    expect(server.seen).toHaveLength(0)
  })

  test('is what read found, and what the tables know beside it', async () => {
    const server = await loopbackServer(
      json(200, {
        id: 't1',
        status: 'weird',
        error: 'not meant',
        video_url: 'https://cdn.example/no.mp4',
        usage: { s: 8 },
      }),
    )
    const read = () => ({
      status: 'done',
      error: null,
      urls: ['https://cdn.example/b.mp4', 'https://cdn.example/a.mp4'],
    })
    const status = await poll(server.origin, { read })
    expect(status).toMatchObject({
      state: 'completed',
      video: { id: 't1', url: 'https://cdn.example/b.mp4', usage: { s: 8 } },
    })
    expect(await poll(server.origin, { read: () => ({ status: 'done' }) })).toMatchObject({
      state: 'failed',
      error: { code: 'generation-failed', message: expect.stringContaining('not meant') },
    })
    expect(
      await poll(server.origin, {
        read: () => ({ status: 'done', error: { code: 'content_policy_violation', message: 'no' } }),
      }),
    ).toMatchObject({ state: 'failed', error: { code: 'content-rejected' } })
  })

  test('without a video is polled again, and is then an error of the poll instead of a failure', async () => {
    const server = await loopbackServer(json(200, { id: 't1', status: 'completed' }))
    const generator = at(server.origin)
    expect(await generator.poll({ id: 't1' }, stageContext())).toMatchObject({ state: 'running' })
    expect(await rejection(generator.poll({ id: 't1' }, stageContext()))).toMatchObject({
      code: 'upstream-response',
      isRetryable: false,
      message: expect.stringContaining('no video is named'),
    })
  })

  test('has its video below baseUrl behind the key, and elsewhere in public', async () => {
    const server = await loopbackServer((sent, response) => {
      if (sent.url.startsWith('/api/files')) return response.writeHead(200, { 'content-type': 'video/mp4' }).end(VIDEO)
      return response.end(
        JSON.stringify({ id: 't1', status: 'done', url: `http://${sent.headers.host}/api/files/1.mp4` }),
      )
    })
    const status = await poll(server.origin, { authScheme: 'x-goog-api-key' })
    if (status.state !== 'completed') throw new Error(status.state)
    expect(status.video.url).toBeUndefined()
    expect(status.video.source).toMatchObject({ isPublic: false })
    const stream = await status.video.source?.open()
    expect((await new Response(stream).arrayBuffer()).byteLength).toBe(VIDEO.length)
    expect(server.seen.at(-1)?.headers['x-goog-api-key']).toBe(KEY)
  })

  test.each<[string, number, unknown, object]>([
    ['names the video', 200, { video: { url: 'https://cdn.example/a.mp4' } }, { state: 'completed' }],
    [
      'is refused by moderation',
      422,
      { detail: [{ type: 'content_policy_violation', msg: 'no' }] },
      { error: { code: 'content-rejected' } },
    ],
    [
      'is refused',
      422,
      { detail: [{ type: 'value_error', msg: 'bad seed' }] },
      { error: { code: 'generation-failed' } },
    ],
  ])('is over when its result %s', async (_, status, body, expected) => {
    const server = await loopbackServer((sent, response, request) =>
      sent.url.endsWith('/result')
        ? json(status, body)(sent, response, request)
        : json(200, { id: 't1', status: 'COMPLETED' })(sent, response, request),
    )
    expect(await poll(server.origin, { result: { path: ({ id }) => `/tasks/${id}/result` } })).toMatchObject(expected)
    expect(server.seen).toHaveLength(2)
  })

  test.each([500, 429, 404])('is polled again when its result is answered with %i', async (status) => {
    const server = await loopbackServer((sent, response, request) =>
      json(sent.url.endsWith('/result') ? status : 200, { id: 't1', status: 'done' })(sent, response, request),
    )
    const error = await rejection(poll(server.origin, { result: { path: () => '/result' } }))
    expect(error).toMatchObject({ status })
  })

  test.each([
    [200, { state: 'x' }, 'cancelled'],
    [202, {}, 'cancelled'],
    // The job still runs, whatever the status announces.
    [400, {}, 'unsupported'],
    [409, {}, 'unsupported'],
    [404, {}, 'unsupported'],
    [405, {}, 'unsupported'],
  ])('whose cancellation is answered with %i %j is %s', async (status, body, outcome) => {
    const server = await loopbackServer((sent, response, request) =>
      json(sent.method === 'GET' ? 200 : status, sent.method === 'GET' ? { id: 't1', status: 'running' } : body)(
        sent,
        response,
        request,
      ),
    )
    const cancelUrl = `${server.origin}/cancel/t1`
    const generator = at(server.origin, { cancel: { method: 'PUT' } })
    expect(await generator.cancel?.({ id: 't1', cancelUrl }, stageContext())).toBe(outcome)
    expect(server.seen[1]).toMatchObject({ method: 'PUT', url: '/cancel/t1' })
    expect(await at(server.origin).cancel?.({ id: 't1' }, stageContext())).toBe('unsupported')
  })

  /** What a cancellation makes of the states of the polls, before and after, and of the answer to it: a status, or none. */
  async function cancelled(polls: readonly (string | number)[], answer: number | 'none') {
    let polled = 0
    const server = await loopbackServer((sent, response, request) => {
      if (sent.method === 'DELETE' && answer === 'none') return void request.socket.destroy()
      if (sent.method === 'DELETE')
        return json(Number(answer), { message: 'It is being rendered' })(sent, response, request)
      const state = polls[Math.min(polled++, polls.length - 1)] ?? 500
      return typeof state === 'number'
        ? json(state, {})(sent, response, request)
        : json(200, { id: 't1', status: state })(sent, response, request)
    })
    const generator = at(server.origin, { cancel: { method: 'DELETE', path: ({ id }) => `/tasks/${id}` } })
    const context = stageContext()
    const outcome = await generator.cancel?.({ id: 't1' }, context).catch((error: { code: string }) => error.code)
    return { outcome, warnings: context.warnings, methods: server.seen.map(({ method }) => method) }
  }

  test.each([400, 409, 410, 422])('whose cancellation is refused with %i is polled once more', async (status) => {
    const running = await cancelled(['running'], status)
    expect(running).toMatchObject({ outcome: 'unsupported', methods: ['GET', 'DELETE', 'GET'] })
    expect(running.warnings).toEqual([
      {
        code: 'cancel-refused',
        message: expect.stringMatching(`answered ${status}.*It is being rendered; the job is still running`),
      },
    ])
    expect(await cancelled(['running', 'done'], status)).toMatchObject({ outcome: 'too-late', warnings: [] })
    expect(await cancelled(['running', 'cancelled'], status)).toMatchObject({ outcome: 'cancelled', warnings: [] })
    expect(await cancelled(['running', 500], status)).toMatchObject({ outcome: 'upstream-http', warnings: [] })
  })

  test.each([500, 'none'] as const)('whose cancellation is answered with %s is settled by a poll', async (answer) => {
    expect(await cancelled(['running', 'done'], answer)).toMatchObject({ outcome: 'too-late' })
    expect(await cancelled(['running', 'cancelled'], answer)).toMatchObject({ outcome: 'cancelled' })
    expect(await cancelled(['running', 404], answer)).toMatchObject({ outcome: 'cancelled' })
    const open = expect.stringMatching(/^(network|upstream-http)$/)
    expect(await cancelled(['running'], answer)).toMatchObject({ outcome: open, methods: ['GET', 'DELETE', 'GET'] })
    expect(await cancelled(['running', 503], answer)).toMatchObject({ outcome: open })
  })

  test('that has ended is not cancelled', async () => {
    const server = await loopbackServer(json(200, { id: 't1', status: 'done' }))
    const generator = at(server.origin, { cancel: { method: 'DELETE', path: ({ id }) => `/tasks/${id}` } })
    expect(await generator.cancel?.({ id: 't1' }, stageContext())).toBe('too-late')
    expect(server.seen.map(({ method }) => method)).toEqual(['GET'])
  })

  test('is found in the list by its prompt, and is unclear in a list without prompts', async () => {
    const server = await loopbackServer(
      json(200, {
        tasks: [
          { id: 't9', input: { text: 'A cat' } },
          { id: 't8', input: { text: 'A dog' } },
        ],
        total: 2,
      }),
    )
    const find = { path: ({ number }: { number: number }) => `/tasks?page_num=${number}` }
    const read: TaskApiGeneratorOptions['read'] = ({ text }) => ({ prompt: text('input.text') })
    const context = { ...stageContext(), submittedAt: Date.now() }
    expect(await at(server.origin, { find, read }).find?.({ prompt: 'A cat' }, context)).toEqual([{ id: 't9' }])
    expect(server.seen[0]?.url).toBe('/api/tasks?page_num=1')
    expect(await at(server.origin, { find }).find?.({ prompt: 'A cat' }, context)).toBe('unclear')
  })
})

test.each([
  ['A cat that plays the piano in the rain', 'unclear', 'A cat'],
  ['A cat that plays the piano in the rain', 'unclear', 'A cat…'],
  ['A cat that plays the piano in the rain', 'unclear', 'A cat that plays the pi'],
  ['A cat that plays the piano in the rain', 'unclear', ''],
  ['A cat that plays the piano in the rain', 'absent', 'A dog'],
  ['A "cat" & a <dog> that aren\'t tired', 'unclear', 'A &quot;cat&quot; &amp; a &lt;do'],
  ['A "cat" & a <dog> that aren\'t tired', 'unclear', 'A &quot;cat&quo'],
  ['Eine Katze spielt am Flügel', 'unclear', 'Eine Katze spielt am Fl\uFFFD'],
  [`A cat that plays ${'the piano '.repeat(20)}`, 'unclear', `A cat that plays ${'the piano '.repeat(8)}`],
  ['A cat that plays the piano in the rain', 'unclear', 'a CAT that plays  the piano in the rain'],
  ['A cat', 'absent', 'A cat that plays the piano in the rain'],
])('the lookup of %j is %s in a list that has %j', async (prompt, outcome, listed) => {
  const server = await loopbackServer(json(200, { tasks: [{ id: 't9', prompt: listed }], total: 1 }))
  const context = { ...stageContext(), submittedAt: Date.now() }
  const found = await at(server.origin, { find: { path: () => '/tasks' } }).find?.({ prompt }, context)
  expect(found).toEqual(outcome === 'absent' ? [] : outcome)
})

test.each([
  [{ errors: ['seed was ignored'], data: { ref: 'j1' } }, 'submission-unknown'],
  [{ error: 'parameter x is deprecated', data: { ref: 'j1' } }, 'submission-unknown'],
  [{ errors: ['seed is wrong'], data: {} }, 'upstream-http'],
])('a submission that is answered with 200 and %j is %s', async (body, code) => {
  const server = await loopbackServer(json(200, body))
  expect(await rejection(start(server.origin, {}))).toMatchObject({ code })
})

test('a key in the query of baseUrl is refused', () => {
  expect(() => at('https://api.example', { baseUrl: 'https://api.example/?key=abc' })).toThrow(/baseUrl is .*apiKey/)
  expect(at('x', { baseUrl: 'https://api.example/?api-version=1' }).upstream).toBe('https://api.example')
})

test.each([[{}], [{ id: 5 }], [{ id: '' }], ['t1'], [null]])(
  'an operation of %j is refused without a request',
  async (operation) => {
    const server = await loopbackServer(json(200, { id: 't1', status: 'done', url: 'https://cdn.example/a.mp4' }))
    const generator = at(server.origin, { cancel: { method: 'DELETE', path: ({ id }) => `/tasks/${id}` } })
    const made = operation as unknown as TaskApiOperation
    await expect(generator.poll(made, stageContext())).rejects.toThrow(
      /operation\.id is .* \(settle the run with the id/,
    )
    await expect(generator.cancel?.(made, stageContext())).rejects.toMatchObject({ code: 'request-invalid' })
    expect(server.seen).toEqual([])
  },
)
