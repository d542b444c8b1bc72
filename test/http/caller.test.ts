import { afterEach, describe, expect, it, vi } from 'vitest'
import { createHandler, type HandlerOptions } from '../../src/http/index.js'
import { SoraPipeline, type SoraPipelineOptions } from '../../src/index.js'
import { fakeGenerator } from '../../src/testing/index.js'
import { handlerOf } from './handler-call.js'

const pipeline = new SoraPipeline({ generator: fakeGenerator() })

/** A `createHandler` that has not warned yet, and what it warns of. */
async function freshly() {
  vi.resetModules()
  const warnings: unknown[][] = []
  vi.spyOn(process, 'emitWarning').mockImplementation((...given: unknown[]) => void warnings.push(given))
  const fresh = await import('../../src/http/create-handler.js')
  const { createWakeUrl } = await import('../../src/http/webhooks/create-wake-url.js')
  const own = await import('../../src/pipeline/sora-pipeline.js')
  const keepPipeline = (options: SoraPipelineOptions) => new own.SoraPipeline(options)
  return { createHandler: fresh.createHandler, warnings, createWakeUrl, keepPipeline }
}

describe('a handler without keys', () => {
  afterEach(() => vi.unstubAllGlobals())

  it('warns once per process', async () => {
    const { createHandler, warnings } = await freshly()
    createHandler(pipeline)
    createHandler(pipeline, { public: false })
    expect(warnings).toEqual([
      [expect.stringMatching(/apiKeys.*authenticate.*public: true/), { code: 'SORA_PIPELINE_OPEN_HANDLER' }],
    ])
  })

  it.each<[string, HandlerOptions]>([
    ['public', { public: true }],
    ['keys', { apiKeys: ['key'] }],
    ['authenticate', { authenticate: () => 'ann' }],
  ])('does not warn with %s', async (_, options) => {
    const { createHandler, warnings } = await freshly()
    createHandler(pipeline, options)
    expect(warnings).toEqual([])
  })

  it.each([
    ['no process', undefined],
    ['a process that has no warnings', {}],
  ])('runs where there is %s', async (_, value) => {
    const { createHandler } = await freshly()
    vi.stubGlobal('process', value)
    const handler = createHandler(pipeline)
    vi.unstubAllGlobals()
    expect((await handler(new Request('http://backend.example/v1/models'))).status).toBe(200)
  })

  it.each<[string, object]>([
    ['keys', { apiKeys: ['key'] }],
    ['authenticate', { authenticate: () => 'ann' }],
  ])('cannot be public and have %s', (_, options) => {
    expect(() => createHandler(pipeline, { public: true, ...options })).toThrow(
      expect.objectContaining({ code: 'configuration-invalid', message: expect.stringContaining('public is true') }),
    )
  })

  it('takes only true and false', () => {
    expect(() => createHandler(pipeline, { public: 'yes' as never })).toThrow(/public is "yes"/)
  })
})

describe('a handler without onError', () => {
  const list = () => new Request('http://backend.example/v1/videos')

  it('warns of the first error of the server, once per process, and names onError', async () => {
    const { createHandler, warnings } = await freshly()
    const handler = createHandler(pipeline, { authenticate: () => true as never })
    const other = createHandler(pipeline, {
      authenticate: () => {
        throw new Error('the database is down')
      },
    })
    for (const one of [handler, handler, other]) expect((await one(list())).status).toBe(500)
    expect(warnings).toEqual([
      [
        expect.stringMatching(
          /^createHandler\(\) has no onError.*ConfigurationError.*authenticate\(\) is true.*set onError/,
        ),
        { code: 'SORA_PIPELINE_HANDLER_ERROR' },
      ],
    ])
  })

  it('shows no key in it', async () => {
    const { createHandler, warnings } = await freshly()
    const key = 'sk-proj-8f2kq0Zb7Vn4Xy1LmR9tUw3E'
    const handler = createHandler(pipeline, {
      authenticate: () => {
        throw new Error(`Could not sign in with Authorization: Bearer ${key}`)
      },
    })
    await handler(list())
    expect(warnings).toHaveLength(1)
    expect(String(warnings[0]?.[0])).toContain('Could not sign in')
    expect(String(warnings[0]?.[0])).not.toContain(key)
  })

  it.each<[string, HandlerOptions, Request]>([
    ['a caller without a key', { apiKeys: ['key'] }, list()],
    ['a path that is unknown', { public: true }, new Request('http://backend.example/v2')],
    ['an error that onError gets', { authenticate: () => true as never, onError: () => undefined }, list()],
  ])('does not warn of %s', async (_, options, request) => {
    const { createHandler, warnings } = await freshly()
    expect((await createHandler(pipeline, options)(request)).status).toBeGreaterThanOrEqual(400)
    expect(warnings).toEqual([])
  })

  it('does not warn of a conflict that a client made', async () => {
    const { createHandler, warnings } = await freshly()
    const handler = createHandler(pipeline, { public: true })
    const send = (prompt: string) =>
      handler(
        new Request('http://backend.example/v1/videos', {
          method: 'POST',
          headers: { 'content-type': 'application/json', 'idempotency-key': 'one' },
          body: JSON.stringify({ prompt }),
        }),
      )
    expect((await send('A cat')).status).toBe(200)
    expect((await send('A dog')).status).toBe(409)
    expect(warnings).toEqual([])
  })
})

describe('a handler of a pipeline whose wakeUrl needs a secret', () => {
  const wakeUrlSecret = 'a-secret-of-the-tests'

  it.each([
    ['no secret', {}, /contentSecret of createHandler is missing/],
    [
      'another secret',
      { contentSecret: 'another-secret-of-tests' },
      /contentSecret of createHandler is not that of wakeUrl/,
    ],
    ['that secret', { contentSecret: wakeUrlSecret }, undefined],
  ])('warns with %s', async (_, options, message) => {
    const { createHandler, warnings, createWakeUrl, keepPipeline } = await freshly()
    const wakeUrl = createWakeUrl({ baseUrl: 'https://backend.example/v1', contentSecret: wakeUrlSecret })
    createHandler(keepPipeline({ generator: fakeGenerator(), wakeUrl }), { public: true, ...options })
    createHandler(keepPipeline({ generator: fakeGenerator(), wakeUrl: () => 'https://a.example' }), { public: true })
    expect(warnings).toEqual(
      message === undefined ? [] : [[expect.stringMatching(message), { code: 'SORA_PIPELINE_WAKE_SECRET' }]],
    )
    expect(JSON.stringify(warnings)).not.toContain(wakeUrlSecret)
  })
})

describe('what authenticate resolves with', () => {
  const answerTo = async (result: unknown) => {
    const { json, errors } = handlerOf({ authenticate: (async () => result) as HandlerOptions['authenticate'] })
    const { status, body } = await json('GET', '/v1/videos')
    return { status, code: body.error?.code, message: body.error?.message, errors }
  }

  it.each([undefined, null, false, '', 0, Number.NaN])('%s is not an owner', async (result) => {
    expect(await answerTo(result)).toMatchObject({ status: 401, code: 'invalid_api_key', errors: [] })
  })

  it.each([
    ['true', true],
    ['7', 7],
    ['an object', { id: 'ann' }],
    ['a list', ['ann']],
    ['a function', () => 'ann'],
    ['a text of 256 characters', 'x'.repeat(256)],
    ['a text with a control character', 'ann\n'],
    ['a text with a lone surrogate', 'ann\ud800'],
  ])('%s is a mistake of the server, which is reported to its operator', async (_, result) => {
    const { status, code, message, errors } = await answerTo(result)
    expect([status, code]).toEqual([500, 'configuration_error'])
    expect(message).not.toContain('authenticate')
    expect(errors).toEqual([
      expect.objectContaining({
        code: 'configuration-invalid',
        message: expect.stringMatching(/^Could not configure createHandler: authenticate\(\) is .+ \(resolve with /),
      }),
    ])
  })

  it('names the invalid value, shortened', async () => {
    const { errors } = await answerTo(true)
    expect((errors[0] as Error).message).toContain('authenticate() is true')
    const { errors: long } = await answerTo('x'.repeat(300))
    expect((long[0] as Error).message).toContain('authenticate() is a text of 300 characters')
  })

  it('may be an owner of 255 characters in any script', async () => {
    expect(await answerTo('猫'.repeat(255))).toMatchObject({ status: 200, errors: [] })
  })

  it('may be a Response of another implementation', async () => {
    class OtherResponse extends Blob {
      readonly status = 429
      readonly statusText = 'Too many'
      readonly headers = new Headers({ 'retry-after': '7' })
      readonly body = this.stream()
      get [Symbol.toStringTag]() {
        return 'Response'
      }
    }
    const { call } = handlerOf({ authenticate: () => new OtherResponse(['slow down']) as unknown as Response })
    const response = await call('GET', '/v1/videos')
    expect([response.status, response.headers.get('retry-after'), await response.text()]).toEqual([
      429,
      '7',
      'slow down',
    ])
  })
})

describe('a page of the list after a video of another owner', () => {
  it.each(['there', 'removed'])('starts after an unknown id: %s', async (state) => {
    const { json, ended } = handlerOf({
      apiKeys: [
        { key: 'a', owner: 'ann' },
        { key: 'b', owner: 'bob' },
      ],
    })
    const create = async (key: string, prompt: string) => {
      const { body } = await json('POST', '/v1/videos', { key, body: { prompt } })
      await ended(body.id)
      return body.id as string
    }
    const ids = [await create('a', '1'), await create('b', '2'), await create('a', '3')]
    if (state === 'removed') {
      await json('DELETE', `/v1/videos/${ids[0]}`, { key: 'a' })
      await json('DELETE', `/v1/videos/${ids[1]}`, { key: 'b' })
    }
    for (const order of ['asc', 'desc']) {
      const page = (after: string) => json('GET', `/v1/videos?order=${order}&after=${after}`, { key: 'a' })
      const [unknown, other] = [await page('video_unknown'), await page(ids[1] ?? '')]
      expect([other.status, other.body]).toEqual([unknown.status, unknown.body])
      expect(other.body).toMatchObject({ data: [], has_more: false })
    }
    const own = await json('GET', `/v1/videos?order=asc&after=${ids[0]}`, { key: 'a' })
    expect(own.body.data.map(({ prompt }: { prompt: string }) => prompt)).toEqual(['3'])
  })
})
