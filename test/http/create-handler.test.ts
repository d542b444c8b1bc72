import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createHandler, type HandlerOptions, type VideoRunner, verifyWebhook } from '../../src/http/index.js'
import { QuotaExceededError, SoraPipeline } from '../../src/index.js'
import { fakeGenerator, fakeTaskGenerator, manualClock } from '../../src/testing/index.js'
import { chatBody, handlerOf } from './handler-call.js'

const CHAT = '/v1/chat/completions'

describe('authorization of callers', () => {
  const keys = ['key-of-ann', { key: 'key-of-bob', owner: 'bob' }, { key: 'new-key-of-bob', owner: 'bob' }]

  it.each([
    ['none', undefined],
    ['a wrong one', 'wrong'],
    ['the beginning of one', 'key-of-an'],
    ['one with more', 'key-of-ann2'],
  ])('is the same answer for %s', async (_, key) => {
    const { call } = handlerOf({ apiKeys: keys })
    const response = await call('POST', CHAT, { ...(key && { key }), body: chatBody('A cat') })
    expect(response.status).toBe(401)
    expect(response.headers.get('www-authenticate')).toBe('Bearer')
    expect(await response.json()).toEqual({
      error: {
        message: 'Could not identify the caller: send a valid API key as Authorization: Bearer <key>',
        type: 'invalid_request_error',
        param: null,
        code: 'invalid_api_key',
      },
    })
  })

  it.each(['Basic a2V5LW9mLWFubg==', 'key-of-ann', 'Bearer', 'Bearer  ', 'Bearer key-of-ann x'])(
    'does not include a client that sends %j',
    async (authorization) => {
      const { call } = handlerOf({ apiKeys: keys })
      expect((await call('GET', '/v1/videos', { headers: { authorization } })).status).toBe(401)
    },
  )

  it('sees only its own videos, on every route, with each of its keys', async () => {
    const { json, call, ended } = handlerOf({ apiKeys: keys })
    const { body } = await json('POST', '/v1/videos', { key: 'key-of-bob', body: { prompt: 'A cat' } })
    await ended(body.id)
    const path = `/v1/videos/${body.id}`
    expect((await json('GET', path, { key: 'new-key-of-bob' })).status).toBe(200)
    expect((await json('GET', '/v1/videos', { key: 'new-key-of-bob' })).body.data).toHaveLength(1)
    const others: [string, string][] = [
      ['GET', path],
      ['GET', `${path}/content`],
      ['HEAD', `${path}/content`],
      ['GET', `${path}/events`],
      ['DELETE', path],
      ['POST', `${path}/remix`],
    ]
    for (const [method, other] of others) {
      const sent = { key: 'key-of-ann', ...(method === 'POST' && { body: { prompt: 'x' } }) }
      expect((await call(method, other, sent)).status, `${method} ${other}`).toBe(404)
    }
    expect((await json('GET', '/v1/videos', { key: 'key-of-ann' })).body.data).toEqual([])
    expect((await json('GET', path, { key: 'key-of-bob' })).status).toBe(200)
  })

  it('does not see runs that the program made without an owner', async () => {
    const { pipeline, json } = handlerOf()
    await pipeline.run({ prompt: 'A cat' }, { id: 'run_1' }).result
    expect((await json('GET', '/v1/videos/run_1')).status).toBe(404)
  })

  it('is decided by a function, which may answer with its own Response', async () => {
    const { json, call, errors } = handlerOf({
      authenticate: async ({ headers }) => {
        const name = headers.get('x-name')
        if (name === 'slow') return new Response('too often', { status: 429 })
        if (name === 'broken') throw new Error('the database is down')
        return name ?? undefined
      },
    })
    expect((await json('GET', '/v1/videos')).status).toBe(401)
    expect((await json('GET', '/v1/videos', { headers: { 'x-name': 'ann' } })).status).toBe(200)
    expect((await call('GET', '/v1/videos', { headers: { 'x-name': 'slow' } })).status).toBe(429)
    const broken = await json('GET', '/v1/videos', { headers: { 'x-name': 'broken' } })
    expect([broken.status, broken.body.error.code]).toEqual([500, 'internal_error'])
    expect(JSON.stringify(broken.body)).not.toContain('database')
    expect(errors).toEqual([new Error('the database is down')])
  })

  it('may be redirected, also from a page of another origin', async () => {
    const authenticate = () => Response.redirect('https://login.example/')
    const { call } = handlerOf({ authenticate, cors: '*' })
    const response = await call('GET', '/v1/videos', { headers: { origin: 'https://chat.example' } })
    expect([response.status, response.headers.get('location')]).toEqual([302, 'https://login.example/'])
    expect(response.headers.get('access-control-allow-origin')).toBe('*')
  })

  it('never gets a body read without a key', async () => {
    const { handler } = handlerOf({ apiKeys: keys })
    const body = new ReadableStream(
      {
        pull() {
          throw new Error('the body was read')
        },
      },
      { highWaterMark: 0 },
    )
    const init = { method: 'POST', body, duplex: 'half', headers: { 'content-type': 'application/json' } }
    expect((await handler(new Request(`http://backend.example${CHAT}`, init as RequestInit))).status).toBe(401)
  })
})

describe('a request before its run', () => {
  it('can be refused by the developer, with the status of the error', async () => {
    const generator = fakeGenerator()
    const prepare = () => {
      throw new QuotaExceededError('Could not take the request: three videos a day')
    }
    const { json } = handlerOf({ prepare }, { generator })
    const { status, body } = await json('POST', CHAT, { body: chatBody('A cat') })
    expect([status, body.error.code]).toEqual([429, 'insufficient_quota'])
    expect(generator.calls).toEqual([])
  })
})

describe('paths and methods', () => {
  it.each([
    ['GET', '/v1/unknown', 404],
    ['GET', '/', 404],
    ['GET', '/v2/videos', 404],
    ['GET', '/v1/videos/a/b', 404],
    ['GET', '/v1/videos/%', 404],
    ['GET', '/v1/constructor', 404],
    ['GET', '/v1/chat/toString', 404],
    ['DELETE', '/v1/videos', 405],
    ['PUT', '/v1/videos/video_1', 405],
    ['GET', CHAT, 405],
    ['OPTIONS', CHAT, 405],
    ['GET', '/v1/videos/', 200],
    ['GET', `/v1/videos/${'x'.repeat(5000)}`, 404],
    ['GET', '/v1/videos/..%2f..%2fetc', 404],
  ])('%s %s is %i', async (method, path, status) => {
    const { call } = handlerOf()
    const response = await call(method, path)
    expect(response.status).toBe(status)
    if (status !== 200) expect(await response.json()).toMatchObject({ error: { type: 'invalid_request_error' } })
    if (status === 405) expect(response.headers.get('allow')).toMatch(/GET|POST/)
  })

  it('that do not exist are answered like those that do, for every caller', async () => {
    const { json } = handlerOf({ basePath: '/api/v1', apiKeys: ['key'] })
    for (const path of ['/api/v1/images', '/api/v1', '/v1/videos']) {
      const { status, body } = await json('GET', path)
      expect([status, body.error.code]).toEqual([404, 'unknown_url'])
      expect(body.error.message).toBe(
        `Could not find the path: GET ${path} is not one of POST /api/v1/chat/completions, GET /api/v1/models, ` +
          'GET /api/v1/models/{id}, POST /api/v1/videos, GET /api/v1/videos, POST /api/v1/videos/edits, ' +
          'POST /api/v1/videos/extensions, GET /api/v1/videos/{id}, ' +
          'DELETE /api/v1/videos/{id}, GET /api/v1/videos/{id}/content, HEAD /api/v1/videos/{id}/content, ' +
          'GET /api/v1/videos/{id}/events, POST /api/v1/videos/{id}/remix',
      )
    }
    const { status, headers, body } = await json('PUT', '/api/v1/videos/video_1')
    expect([status, headers.get('allow')]).toEqual([405, 'GET, DELETE'])
    expect(body.error.message).toBe('Could not use the method: PUT is not allowed here, give GET or DELETE')
  })

  it('are below the base path of the options', async () => {
    const { json } = handlerOf({ basePath: '/api/openai/v1/' })
    expect((await json('GET', '/api/openai/v1/models')).status).toBe(200)
    expect((await json('GET', '/v1/models')).status).toBe(404)
    const root = handlerOf({ basePath: '' })
    expect((await root.json('GET', '/models')).status).toBe(200)
  })
})

describe('models', () => {
  it('are sora-1.0 by default, and any name is taken', async () => {
    const { json } = handlerOf()
    const { body } = await json('GET', '/v1/models')
    expect(body).toMatchObject({ object: 'list', data: [{ id: 'sora-1.0', object: 'model' }] })
    expect((await json('POST', CHAT, { body: chatBody('A cat', { model: 'any' }) })).body.model).toBe('any')
  })

  it('are those of the options, which map them to generator models', async () => {
    const generator = fakeGenerator()
    const models = { 'cat-video': { model: 'wan-2.2', durationSeconds: 8 }, plain: {} }
    const { json } = handlerOf({ models }, { generator })
    expect((await json('GET', '/v1/models')).body.data.map(({ id }: { id: string }) => id)).toEqual([
      'cat-video',
      'plain',
    ])
    expect((await json('GET', '/v1/models/plain')).body).toMatchObject({ id: 'plain', object: 'model' })
    expect((await json('POST', CHAT, { body: chatBody('A cat', { model: 'cat-video' }) })).body.model).toBe('cat-video')
    expect(generator.calls[0]?.input).toEqual({ prompt: 'A cat', model: 'wan-2.2', durationSeconds: 8 })
    for (const answer of [
      await json('POST', CHAT, { body: chatBody('A cat', { model: 'other' }) }),
      await json('POST', '/v1/videos', { body: { prompt: 'A cat', model: 'constructor' } }),
      await json('GET', '/v1/models/other'),
    ]) {
      expect([answer.status, answer.body.error.code, answer.body.error.param]).toEqual([
        404,
        'model_not_found',
        'model',
      ])
    }
  })

  it('may be a list of names that are parsed as usual', async () => {
    const generator = fakeGenerator()
    const { json } = handlerOf({ models: ['sora2-landscape-10s'] }, { generator })
    await json('POST', CHAT, { body: chatBody('A cat', { model: 'sora2-landscape-10s' }) })
    expect(generator.calls[0]?.input).toMatchObject({ durationSeconds: 10, size: '1280x720' })
  })
})

describe('pages of other origins', () => {
  const asked = { origin: 'https://chat.example', 'access-control-request-method': 'POST' }

  it('may not call by default', async () => {
    const { call } = handlerOf()
    expect((await call('OPTIONS', CHAT, { headers: asked })).status).toBe(405)
    const response = await call('GET', '/v1/models', { headers: { origin: 'https://chat.example' } })
    expect(response.headers.has('access-control-allow-origin')).toBe(false)
  })

  it('may call from the origins of the options, without a key beforehand and with their own headers', async () => {
    const { call } = handlerOf({ cors: ['https://chat.example'], apiKeys: ['key'] })
    const headers = { ...asked, 'access-control-request-headers': 'authorization, x-stainless-os' }
    const before = await call('OPTIONS', CHAT, { headers })
    expect(before.status).toBe(204)
    expect(Object.fromEntries(before.headers)).toMatchObject({
      'access-control-allow-origin': 'https://chat.example',
      'access-control-allow-headers': 'authorization, x-stainless-os',
      vary: 'origin',
    })
    const refused = await call('POST', CHAT, { headers: { origin: 'https://chat.example' } })
    expect([refused.status, refused.headers.get('access-control-allow-origin')]).toEqual([401, 'https://chat.example'])
    expect(refused.headers.get('access-control-expose-headers')).toContain('x-run-id')
    const other = await call('OPTIONS', CHAT, { headers: { ...asked, origin: 'https://evil.example' } })
    expect(other.headers.has('access-control-allow-origin')).toBe(false)
  })

  it('may call from anywhere with *', async () => {
    const { call } = handlerOf({ cors: '*' })
    const response = await call('GET', '/v1/models', { headers: { origin: 'https://any.example' } })
    expect(response.headers.get('access-control-allow-origin')).toBe('*')
  })
})

describe('hostile bodies', () => {
  const deep = `${'['.repeat(10_000)}${']'.repeat(10_000)}`
  it.each([
    ['not JSON', '{', 400],
    ['nothing', '', 400],
    ['null', 'null', 400],
    ['a list', '[]', 400],
    ['a depth of 10,000', deep, 400],
    ['a depth of 10,000 in the message', `{"messages":[{"role":"user","content":${deep}}]}`, 400],
    ['__proto__', '{"__proto__":{"messages":[]},"constructor":{"prototype":{"x":1}}}', 400],
    ['wrong types', '{"messages":{"role":7},"model":[],"stream":"yes","n":"many"}', 400],
    ['300 messages', JSON.stringify(chatBody('x', { messages: Array(300).fill({ role: 'user', content: 'x' }) })), 400],
    ['a prompt of 40,000 characters', JSON.stringify(chatBody('x'.repeat(40_000))), 400],
    ['more than the limit', JSON.stringify(chatBody('x'.repeat(300_000))), 413],
  ])('of %s get an answer in OpenAI’s form: %#', async (_, body, status) => {
    const generator = fakeGenerator()
    const { json, errors } = handlerOf({ maxBodyBytes: 200_000 }, { generator })
    for (const path of [CHAT, '/v1/videos', '/v1/videos/video_1/remix']) {
      const answer = await json('POST', path, { body, headers: { 'content-type': 'application/json' } })
      expect([path, answer.status]).toEqual([path, status])
      expect(answer.body.error).toMatchObject({ type: 'invalid_request_error', message: expect.any(String) })
    }
    expect(generator.calls).toEqual([])
    expect(errors).toEqual([])
  })

  it('of any JSON never get a 5xx, and start nothing without a valid request', async () => {
    const { call, errors } = handlerOf()
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(CHAT, '/v1/videos'), fc.json(), async (path, body) => {
        const response = await call('POST', path, { body, headers: { 'content-type': 'application/json' } })
        expect(response.status).toBeLessThan(500)
        await response.body?.cancel()
      }),
      { numRuns: 300 },
    )
    expect(errors).toEqual([])
  })
})

/** The methods of a pipeline in a plain object. */
function bound(pipeline: SoraPipeline): VideoRunner {
  return {
    run: (...given) => pipeline.run(...given),
    resume: (id) => pipeline.resume(id),
    get: (id) => pipeline.get(id),
    list: (query) => pipeline.list(query),
    openVideo: (id) => pipeline.openVideo(id),
    remove: (id) => pipeline.remove(id),
  }
}

describe('options that cannot work', () => {
  const pipeline = new SoraPipeline({ generator: fakeGenerator() })
  const cases: [string, unknown][] = [
    ['apiKeys', []],
    ['apiKeys', 'key'],
    ['apiKeys[0]', ['with blank ']],
    ['apiKeys[0].owner', [{ key: 'k', owner: '' }]],
    ['authenticate', 'x'],
    ['basePath', 'v1'],
    ['models', []],
    ['models', {}],
    ['models', 'wan'],
    ['models', 7],
    ['models', ['']],
    ['models', () => ({})],
    ['models.a', { a: 'wan' }],
    ['models.a', { a: null }],
    ['models.a.durationSecs', { a: { durationSecs: 8 } }],
    ['models.a.durationSeconds', { b: { durationSeconds: 8 }, a: { durationSeconds: '8' } }],
    ['clock', Date],
    ['clock', { now: () => 0, monotonic: () => 0 }],
    ['cors', ['chat.example']],
    ['contentDelivery', 'link'],
    ['contentSecret', 'short'],
    ['publicOrigin', 'video.example'],
    ['webhookSecret', ''],
    ['webhookSecret', '"whsec_c2VjcmV0"'],
    ['maxBodyBytes', 0],
    ['acceptTimeoutMs', -1],
    ['maxTotalBodyBytes', 26_214_399],
    ['bodyTimeoutMs', 0],
    ['maxRunsPerOwner', 0],
    ['maxRunsPerOwner', 1.5],
    ['contentLifetimeMs', 0],
    ['contentLifetimeMs', Number.POSITIVE_INFINITY],
    ['contentLifetimeMs', 1e14 + 1],
    ['repeatWindowMs', -1],
    ['heartbeatMs', Number.NaN],
    ['onDisconnect', 'stop'],
    ['progress', 'loud'],
    ['webhookAllowPrivateAddresses', 7],
  ]
  it.each(cases)('%s', (field, value) => {
    const options = { [field.replace(/[.[].*/, '')]: value } as HandlerOptions
    expect(() => createHandler(pipeline, options)).toThrow(
      expect.objectContaining({ code: 'configuration-invalid', message: expect.stringContaining(field) }),
    )
  })

  it('are all named at once, and no key is shown', () => {
    const options = { apiKeys: ['secret key'], cors: 7, basePath: 'v1' } as unknown as HandlerOptions
    try {
      createHandler(pipeline, options)
      expect.unreachable()
    } catch (error) {
      const { message } = error as Error
      for (const field of ['apiKeys[0]', 'cors', 'basePath']) expect(message).toContain(field)
      expect(message).not.toContain('secret key')
    }
  })

  it.each([
    ['as nothing', { apiKeys: undefined }],
    ['as nothing, with public: false', { apiKeys: undefined, public: false }],
    ['as nothing, with authenticate as nothing', { apiKeys: undefined, authenticate: undefined }],
  ])('keys that are given %s would make an open server', (_, options) => {
    expect(() => createHandler(pipeline, options)).toThrow(
      'Could not configure createHandler: apiKeys is nothing (give keys, or public: true for an open server)',
    )
  })

  it.each([
    ['public', { apiKeys: undefined, public: true }],
    ['authenticate', { apiKeys: undefined, authenticate: () => 'ann' }],
  ])('keys may be given as nothing beside %s', (_, options) => {
    expect(() => createHandler(pipeline, options)).not.toThrow()
  })

  const UNSET = 'give a key; an environment variable may not be set'
  it.each([
    [[undefined], `apiKeys[0] is nothing (${UNSET})`],
    [['k', ''], `apiKeys[1] is empty (${UNSET})`],
    [[{ key: undefined, owner: 'ann' }], `apiKeys[0].key is nothing (${UNSET})`],
    [['"a-key"'], 'apiKeys[0] is unusable (it has quotes around it; remove them)'],
    [["'a-key'"], 'apiKeys[0] is unusable (it has quotes around it; remove them)'],
    [[{ key: '"a-key"', owner: 'ann' }], 'apiKeys[0].key is unusable (it has quotes around it; remove them)'],
    [['Bearer a-key'], "apiKeys[0] is unusable (it begins with 'Bearer', which is added to it, leave it out)"],
    [['a-key\n'], 'apiKeys[0] is unusable (it holds characters that a header cannot carry)'],
    [[' a-key'], 'apiKeys[0] is unusable (it has blanks around it; remove them)'],
    [['a key'], 'apiKeys[0] is unusable (give a key of printable ASCII without blanks)'],
    [[7], 'apiKeys[0] is unusable (it is not a text)'],
    ['a-key', 'apiKeys is a string (give a list of keys)'],
  ])('the keys %j are refused with the reason, once', (apiKeys, reason) => {
    expect(() => createHandler(pipeline, { apiKeys } as HandlerOptions)).toThrow(
      expect.objectContaining({ message: `Could not configure createHandler: ${reason}` }),
    )
  })

  it.each(['"whsec_c2VjcmV0"', "'secret'", ['fine', '`secret`']])(
    'the webhook secret %j has quotes',
    async (secret) => {
      const reason = 'is unusable (it has quotes around it; remove them)'
      if (typeof secret === 'string') {
        expect(() => createHandler(pipeline, { public: true, webhookSecret: secret })).toThrow(
          `webhookSecret ${reason}`,
        )
      }
      await expect(verifyWebhook({ body: '', headers: {} }, { secret })).rejects.toThrow(`secret ${reason}`)
    },
  )

  it.each([
    ['apiKeys', { apiKeys: 'my-key' }],
    ['apiKeys', { apiKeys: 12_345_678 }],
    ['apiKeys', { apiKeys: ['"my-key"'] }],
    ['authenticate', { authenticate: 'my-key' }],
    ['webhookSecret', { public: true, webhookSecret: '"my-key"' }],
    ['contentSecret', { public: true, contentSecret: 'my-key' }],
    ['options', 'my-key'],
    ['pipeline', { public: true }, 'my-key'],
  ])('a key in the place of %s is not shown', (field, options, first: unknown = pipeline) => {
    let message = ''
    try {
      createHandler(first as SoraPipeline, options as HandlerOptions)
    } catch (error) {
      message = (error as Error).message
    }
    expect(message).toContain(field)
    expect(message).not.toMatch(/my-key|12345678/)
  })

  const RIGHT =
    /^Could not configure createHandler: pipeline is .+ \(call createHandler\(pipeline, options\): .*SoraPipeline\)$/
  it.each<[string, readonly unknown[]]>([
    ['nothing', []],
    ['null', [null]],
    ['the options', [{ pipeline, apiKeys: ['k'] }]],
    ['a text', ['pipeline', { public: true }]],
    ['the class', [SoraPipeline, { public: true }]],
    ['a generator', [fakeGenerator(), { public: true }]],
    ['an object without openVideo()', [{ ...bound(pipeline), openVideo: undefined }, { public: true }]],
  ])('%s is not a pipeline', (_, given) => {
    const create = createHandler as (...all: readonly unknown[]) => unknown
    expect(() => create(...given)).toThrow(
      expect.objectContaining({ code: 'configuration-invalid', message: expect.stringMatching(RIGHT) }),
    )
  })

  it('an object with the methods of a pipeline is one', async () => {
    const handler = createHandler(bound(pipeline), { public: true, models: { a: { durationSeconds: 8 }, b: {} } })
    const response = await handler(new Request('http://backend.example/v1/videos'))
    expect(response.status).toBe(200)
  })

  it('keys and a function exclude each other', () => {
    expect(() => createHandler(pipeline, { apiKeys: ['k'], authenticate: () => 'x' })).toThrow(/authenticate/)
  })
})

describe('the events of a video', () => {
  const setUp = () => {
    const clock = manualClock()
    const generator = fakeTaskGenerator({ polls: [{ state: 'queued' }, { state: 'running', ratio: 0.5 }] })
    return { clock, ...handlerOf({ clock }, { generator, clock, pollSchedule: () => 20_000 }) }
  }
  const idsOf = (text: string) => [...text.matchAll(/^id: (.+)$/gm)].map(([, id]) => id ?? '')
  const typesOf = (text: string) => [...text.matchAll(/^event: (.+)$/gm)].map(([, type]) => type)

  it('are sent as they happen, with ids, names and heartbeats in between', async () => {
    const { clock, json, call } = setUp()
    const { body } = await clock.runUntil(json('POST', '/v1/videos', { body: { prompt: 'A\r\ncat' } }))
    const response = await call('GET', `/v1/videos/${body.id}/events`)
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
    const text = await clock.runUntil(response.text())
    expect(text.startsWith(': keep-alive\n\n')).toBe(true)
    expect(text.match(/: keep-alive/g)?.length).toBeGreaterThanOrEqual(3)
    expect(typesOf(text)[0]).toBe('run-started')
    expect(typesOf(text).at(-1)).toBe('run-completed')
    const datas = [...text.matchAll(/^data: (.+)$/gm)].map(([, data]) => JSON.parse(data ?? ''))
    expect(datas.map(({ sequence }) => sequence)).toEqual(datas.map((_, index) => index))
    expect(idsOf(text).at(-1)).toMatch(/-end$/)
  })

  it('end with a URL of this server where the video is only behind a key, as the video itself does', async () => {
    const source = { isPublic: false, open: async () => new Blob(['private']).stream() }
    const { json, call } = handlerOf(
      { apiKeys: ['key'] },
      { generator: fakeGenerator({ outcome: { id: 'g', source } }) },
    )
    const { body } = await json('POST', '/v1/videos', { key: 'key', body: { prompt: 'A cat' } })
    const text = await (await call('GET', `/v1/videos/${body.id}/events`, { key: 'key' })).text()
    expect(typesOf(text).at(-1)).toBe('run-completed')
    const last = JSON.parse(
      text
        .match(/^data: (.+)$/gm)
        ?.at(-1)
        ?.slice(6) ?? '',
    )
    expect(await (await call('GET', new URL(last.result.url).pathname)).text()).toBe('private')
  })

  it('continue after the last id that was seen', async () => {
    const { clock, json, call } = setUp()
    const { body } = await clock.runUntil(json('POST', '/v1/videos', { body: { prompt: 'A cat' } }))
    const path = `/v1/videos/${body.id}/events`
    const whole = call('GET', path)
    const half = call('GET', path)
    const reader = (await half).body?.pipeThrough(new TextDecoderStream()).getReader()
    let seen = ''
    while (idsOf(seen).length < 2) seen += (await clock.runUntil(reader?.read() ?? Promise.reject())).value ?? ''
    await reader?.cancel()
    const headers = { 'last-event-id': idsOf(seen).at(-1) ?? '' }
    const rest = await clock.runUntil((await call('GET', path, { headers })).text())
    const all = await clock.runUntil((await whole).text())
    expect([...idsOf(seen), ...idsOf(rest)]).toEqual(idsOf(all))
  })

  it('end with 204 for a client that has seen the last, and start over for unknown ids', async () => {
    const { clock, json, call } = setUp()
    const { body } = await clock.runUntil(json('POST', '/v1/videos', { body: { prompt: 'A cat' } }))
    const path = `/v1/videos/${body.id}/events`
    const text = await clock.runUntil((await call('GET', path)).text())
    const last = { 'last-event-id': idsOf(text).at(-1) ?? '' }
    expect((await call('GET', path, { headers: last })).status).toBe(204)
    for (const id of ['zzz-3', 'nonsense', '']) {
      const again = await (await call('GET', path, { headers: { 'last-event-id': id } })).text()
      expect(typesOf(again)).toEqual(typesOf(text))
    }
  })

  it('leave nothing behind when the reader leaves', async () => {
    const { clock, json, call, pipeline } = setUp()
    const { body } = await clock.runUntil(json('POST', '/v1/videos', { body: { prompt: 'A cat' } }))
    const response = await call('GET', `/v1/videos/${body.id}/events`)
    const reader = response.body?.getReader()
    await reader?.read()
    const waiting = reader?.read()
    await reader?.cancel()
    expect(await waiting).toMatchObject({ done: true })
    expect((await clock.runUntil(pipeline.resume(body.id).result)).url).toBeTruthy()
  })
})
