import { once } from 'node:events'
import { createServer } from 'node:http'
import { createServer as createSecureServer, get as secureGet } from 'node:https'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, it, vi } from 'vitest'
import { createHandler } from '../../../src/http/index.js'
import type { FetchHandler } from '../../../src/http/node/fetch-handler.js'
import { toNodeListener } from '../../../src/http/node/to-node-listener.js'
import { SoraPipeline } from '../../../src/index.js'
import { testCertificate } from '../../../src/testing/fault-server/test-certificate.js'
import { eventually } from '../../support/eventually.js'
import { rawClient } from './raw-client.js'
import { serve } from './serve.js'
import { type Echo, startExpress, startListener } from './start-listener.js'

const INTERNAL_ERROR = {
  error: {
    message: 'This server could not finish the request because of an unexpected error.',
    type: 'server_error',
    param: null,
    code: 'internal_error',
  },
}

async function echoOf(port: number, head: string, body = ''): Promise<Echo> {
  const client = rawClient(port)
  client.write(`${head}\r\nconnection: close\r\n\r\n${body}`)
  await client.ended
  expect(client.text).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
  return JSON.parse(client.text.split('\r\n\r\n', 2)[1] ?? '')
}

describe('the URL of a request', () => {
  it.each([
    ['GET /a/echo?b=%20#c HTTP/1.1\r\nhost: api.example:81', 'http://api.example:81/a/echo?b=%20#c'],
    ['GET /echo HTTP/1.0', 'http://localhost/echo'],
    ['GET /echo HTTP/1.1\r\nhost:', 'http://localhost/echo'],
    ['GET /echo HTTP/1.1\r\nhost: a@b/c d', 'http://localhost/echo'],
    ['GET //evil.example/echo HTTP/1.1\r\nhost: a', 'http://a//evil.example/echo'],
    ['GET http://b.example/echo HTTP/1.1\r\nhost: a', 'http://b.example/echo'],
    ['OPTIONS * HTTP/1.1\r\nhost: a', 'http://a/*'],
  ])('of %j', async (head, url) => {
    const { port } = await startListener(({ url }) => Response.json({ url }))
    expect((await echoOf(port, head)).url).toBe(url)
  })

  it('is https on TLS', async () => {
    const listener = toNodeListener(({ url }) => new Response(url))
    const { cert, key } = testCertificate('self-signed')
    const { origin } = await serve(createSecureServer({ cert, key }, listener), 'https')
    const [answer] = await once(secureGet(`${origin}/a`, { ca: cert, agent: false }), 'response')
    expect(Buffer.concat(await answer.toArray()).toString()).toBe(`${origin}/a`)
  })
})

describe('a request', () => {
  it('passes headers as they came, also those that came twice', async () => {
    const { port } = await startListener()
    const lines = [
      'x-a: 1',
      'x-a: 2',
      'x-latin: \u00e4',
      '__proto__: a',
      'constructor: b',
      'cookie: a=1',
      'cookie: b=2',
    ]
    const { headers } = await echoOf(port, ['GET /echo HTTP/1.1', 'host: a', ...lines].join('\r\n'))
    expect(headers).toMatchObject({
      'x-a': '1, 2',
      'x-latin': expect.any(String),
      constructor: 'b',
      cookie: 'a=1; b=2',
    })
  })

  it.each(['GET', 'HEAD'])('with the method %s has no body, and what was sent as one is discarded', async (method) => {
    const bodies: unknown[] = []
    const { port } = await startListener((request) => {
      bodies.push(request.body)
      return new Response('ok')
    })
    const client = rawClient(port)
    const head = `${method} /a HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n`
    client.write(`${head}\r\nhello${head}connection: close\r\n\r\nhello`)
    expect(await client.ended).toBe('end')
    expect(client.text.match(/HTTP\/1\.1 200 OK/g)).toHaveLength(2)
    expect(bodies).toEqual([null, null])
  })

  it.each(['PATCH', 'QUERY', 'PURGE', 'M-SEARCH', 'DELETE'])('may have the method %s with a body', async (method) => {
    const { port } = await startListener()
    const head = `${method} /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 5`
    expect(await echoOf(port, head, 'hello')).toMatchObject({ method, body: 'hello' })
  })

  it('is refused with 405 when no Fetch request can have its method', async () => {
    const { port, errors } = await startListener()
    const client = rawClient(port)
    client.write('TRACE /a HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n')
    await client.ended
    expect(client.text).toMatch(/^HTTP\/1\.1 405 Method Not Allowed\r\n/)
    expect(client.text).toMatch(/\r\nallow: GET, HEAD, POST, DELETE, OPTIONS\r\n/)
    expect(JSON.parse(client.text.split('\r\n\r\n')[1] ?? '')).toEqual({
      error: {
        message: 'Could not take a request with this method: TRACE',
        type: 'invalid_request_error',
        param: null,
        code: 'method_not_allowed',
      },
    })
    expect(errors).toEqual([])
  })

  it('is refused with 400 when no Fetch request can have its headers', async () => {
    const { origin, errors } = await startExpress((request, _, next) => {
      request.headers['no name'] = '1'
      next()
    })
    const answer = await fetch(origin)
    expect([answer.status, await answer.json()]).toEqual([
      400,
      {
        error: {
          message: 'Could not read the request: its method or headers are not valid HTTP',
          type: 'invalid_request_error',
          param: null,
          code: 'invalid_value',
        },
      },
    ])
    expect(errors).toEqual([])
  })

  it('does not begin when its client left before the listener is called, or has its answer already', async () => {
    const handle = vi.fn(() => new Response('late'))
    const listener = toNodeListener(handle)
    const called = Promise.withResolvers<void>()
    const { port } = await serve(
      createServer(async (request, response) => {
        if (request.url === '/answered') response.end('early')
        else await once(response, 'close')
        listener(request, response)
        if (request.url !== '/answered') called.resolve()
      }),
    )
    const client = rawClient(port)
    client.write('GET /answered HTTP/1.1\r\nhost: a\r\n\r\n')
    await client.until(/early$/)
    client.write('GET /left HTTP/1.1\r\nhost: a\r\n\r\n')
    client.socket.end()
    await called.promise
    expect(handle).not.toHaveBeenCalled()
  })
})

it('is aborted for a handler that keeps only the signal of its request', async () => {
  setFlagsFromString('--expose-gc')
  const collectGarbage = runInNewContext('gc') as () => void
  const called = Promise.withResolvers<void>()
  const aborted = Promise.withResolvers<void>()
  const { port } = await startListener(({ signal }) => {
    signal.addEventListener('abort', () => aborted.resolve())
    called.resolve()
    return new Promise(() => {})
  })
  const client = rawClient(port)
  client.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n')
  await called.promise
  for (let times = 0; times < 3; times += 1) {
    collectGarbage()
    await new Promise((resolve) => setImmediate(resolve))
  }
  client.socket.destroy()
  await aborted.promise
})

describe('a handler that fails', () => {
  it.each<[string, FetchHandler]>([
    ['throws', () => Promise.reject(new Error('a secret'))],
    [
      'throws at once',
      () => {
        throw 'a secret'
      },
    ],
    ['returns nothing', () => undefined as unknown as Response],
    ['returns an answer that was used', () => usedAnswer],
    ['returns no answer', () => Response.error()],
  ])('because it %s is answered with 500, without its text', async (_, handle) => {
    const { origin, errors } = await startListener(handle)
    for (const method of ['GET', 'POST']) {
      const answer = await fetch(origin, { method })
      expect([answer.status, answer.headers.get('content-type')]).toEqual([500, 'application/json'])
      expect(await answer.json()).toEqual(INTERNAL_ERROR)
    }
    expect(errors).toHaveLength(2)
  })

  const usedAnswer = new Response('a')
  usedAnswer.body?.getReader()

  it('in mid-stream cuts its answer', async () => {
    const { origin, errors, stub } = await startListener()
    const answering = fetch(`${origin}/stream`)
    const visit = await stub.visit()
    const reader = (await answering).body?.getReader()
    visit.push('data: 1\n\n')
    await reader?.read()
    const failure = new Error('broken')
    visit.fail(failure)
    await expect(reader?.read()).rejects.toThrow('terminated')
    expect(errors).toEqual([failure])
    expect(visit.request.signal.aborted).toBe(true)
  })

  it('is for the onError of a handler of this library, unless the listener has its own', async () => {
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
    const failure = new Error('cut at the upstream')
    let isSent = false
    const pull = (stream: ReadableStreamDefaultController<Uint8Array>) => {
      isSent = !isSent
      if (isSent) stream.enqueue(new Uint8Array(4))
      else stream.error(failure)
    }
    const open = async () => new ReadableStream({ pull }, { highWaterMark: 0 })
    const source = { byteLength: 8, mediaType: 'video/mp4', open }
    const video = { id: 'v', source } as never
    const pipeline = new SoraPipeline({ generator: { name: 'g', generate: async () => video } })
    const run = pipeline.run({ prompt: 'A cat' }, { owner: 'public' })
    await run.result.catch(() => undefined)
    const reported: unknown[] = []
    const own: unknown[] = []
    const handler = createHandler(pipeline, { authenticate: () => 'public', onError: (error) => reported.push(error) })
    for (const options of [{}, { onError: (error: unknown) => own.push(error) }]) {
      const { origin } = await serve(createServer(toNodeListener(handler, options)))
      const answer = await fetch(`${origin}/v1/videos/${run.id}/content`)
      await expect(answer.arrayBuffer()).rejects.toThrow()
    }
    await eventually(() => expect([reported, own]).toEqual([[failure], [failure]]))
    expect(warned).not.toHaveBeenCalled()
    warned.mockRestore()
  })

  it('is a warning of the process without onError', async () => {
    const warned = Promise.withResolvers<Error>()
    process.once('warning', warned.resolve)
    const failure = new Error('seen by a test')
    const { origin } = await startListener(() => Promise.reject(failure), { onError: undefined })
    expect((await fetch(origin)).status).toBe(500)
    expect(await warned.promise).toBe(failure)
  })

  it('only because its client left is not reported, unless it is another error', async () => {
    const { port, errors } = await startListener(async (request) => {
      await once(request.signal, 'abort')
      if (request.url.endsWith('/abort')) request.signal.throwIfAborted()
      throw new Error('something else')
    })
    for (const path of ['/abort', '/other']) {
      const client = rawClient(port)
      client.write(`GET ${path} HTTP/1.1\r\nhost: a\r\n\r\n`)
      await once(client.socket, 'ready')
      client.socket.end()
      await client.ended
    }
    await eventually(() => expect(errors).toEqual([new Error('something else')]))
  })
})
