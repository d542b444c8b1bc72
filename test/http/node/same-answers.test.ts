import { createServer } from 'node:http'
import { describe, expect, test, vi } from 'vitest'
import { createHandler, type HandlerOptions, toNodeListener } from '../../../src/http/index.js'
import { SoraPipeline } from '../../../src/index.js'
import { fakeGenerator, manualClock } from '../../../src/testing/index.js'
import { rawClient } from './raw-client.js'
import { serve } from './serve.js'

type Listener = Parameters<typeof createServer>[1]

const clock = manualClock()
const options = (): HandlerOptions => ({
  public: true,
  clock,
  cors: ['https://chat.example'],
  maxBodyBytes: 2000,
  onError: () => undefined,
})

function handlerOf(more: HandlerOptions = {}) {
  const pipeline = new SoraPipeline({ generator: fakeGenerator() })
  return createHandler(pipeline, { ...options(), ...more })
}

/** What comes back on the wire, without what differs from run to run. */
async function wireOf(listener: Listener, request: string): Promise<string> {
  const { port } = await serve(createServer(listener))
  const client = rawClient(port)
  client.write(Buffer.from(request, 'latin1'))
  await client.ended
  return client.text
    .replaceAll(/(?:video|chatcmpl-|gen)[_-]?[0-9a-f]{32}/g, 'id')
    .replaceAll(/Date: [^\r]+|"(?:created|created_at|completed_at)":\d+/g, 'time')
    .replaceAll(/\r\n[0-9a-f]+\r\ndata: /g, '\r\nsize\r\ndata: ')
}

const get = (path: string, ...headers: readonly string[]) => send('GET', path, headers)
function send(method: string, path: string, headers: readonly string[] = [], body = ''): string {
  const length =
    body === '' || headers.some((header) => /^transfer/.test(header)) ? [] : [`content-length: ${body.length}`]
  return [`${method} ${path} HTTP/1.1`, 'host: a', 'connection: close', ...headers, ...length, '', body].join('\r\n')
}
const json = 'content-type: application/json'
const chat = (more: object = {}) =>
  JSON.stringify({ model: 'sora-1.0', messages: [{ role: 'user', content: 'A cat' }], ...more })
const form = (...fields: readonly string[]) =>
  `${fields.map((field) => `--b\r\ncontent-disposition: form-data; ${field}\r\n`).join('')}--b--\r\n`
const multipart = 'content-type: multipart/form-data; boundary=b'

describe('an answer is the same on the wire as through a Request and a Response', () => {
  test.each([
    ['the models', get('/v1/models')],
    ['one model', get('/v1/models/sora-1.0')],
    ['a model that does not exist', get('/v1/models/x')],
    ['a query and a host of any kind', get('/v1/videos?limit=2&after=%zz', 'host: b:c@d')],
    ['a target in absolute form', get('http://b.example/v1/models')],
    ['a target with bytes above ASCII', get('/v1/mod\u00e9ls')],
    ['the whole server', send('OPTIONS', '*')],
    ['an unknown path', get('/v2/models')],
    ['a wrong method', send('PUT', '/v1/models', [json], '{}')],
    ['TRACE', send('TRACE', '/v1/models')],
    ['HEAD', send('HEAD', '/v1/models')],
    ['HEAD of a video that does not exist', send('HEAD', '/v1/videos/x/content')],
    [
      'a preflight',
      send('OPTIONS', '/v1/videos', ['origin: https://chat.example', 'access-control-request-method: POST']),
    ],
    ['a request of a page', get('/v1/models', 'origin: https://chat.example')],
    ['a request of another page', get('/v1/models', 'origin: https://evil.example')],
    ['a video', send('POST', '/v1/chat/completions', [json], chat())],
    ['a video with fields that have no meaning', send('POST', '/v1/chat/completions', [json], chat({ fps: 1 }))],
    ['a stream', send('POST', '/v1/chat/completions', [json], chat({ stream: true }))],
    [
      'a body in two chunks',
      send(
        'POST',
        '/v1/chat/completions',
        [json, 'transfer-encoding: chunked'],
        `5\r\n${chat().slice(0, 5)}\r\n${(chat().length - 5).toString(16)}\r\n${chat().slice(5)}\r\n0\r\n\r\n`,
      ),
    ],
    ['no body', send('POST', '/v1/chat/completions', [json])],
    ['an empty body', send('POST', '/v1/chat/completions', [json, 'content-length: 0'])],
    [
      'an empty body in chunks',
      send('POST', '/v1/chat/completions', [json, 'transfer-encoding: chunked'], '0\r\n\r\n'),
    ],
    ['a body that is not JSON', send('POST', '/v1/chat/completions', [json], '{')],
    ['a body that is not UTF-8', send('POST', '/v1/chat/completions', [json], '{"\u00ff":1}')],
    ['a body that is too large', send('POST', '/v1/chat/completions', [json], chat({ x: 'y'.repeat(3000) }))],
    ['a body that is encoded', send('POST', '/v1/chat/completions', [json, 'content-encoding: gzip'], chat())],
    ['a body of another type', send('POST', '/v1/chat/completions', ['content-type: text/plain'], chat())],
    ['a body without a type', send('POST', '/v1/chat/completions', [], chat())],
    [
      'a form',
      send('POST', '/v1/videos', [multipart], form('name=prompt\r\n\r\nA cat', 'name=mask; filename=a\r\n\r\nxyz')),
    ],
    ['a form without an end', send('POST', '/v1/videos', [multipart], '--b\r\n')],
    ['a body of a GET', send('GET', '/v1/models', [json], chat())],
    ['a client that waits for its turn', send('POST', '/v1/chat/completions', [json, 'expect: 100-continue'], chat())],
    ['a header that comes twice', get('/v1/models', 'x-a: 1', 'x-a: 2', 'authorization: a', 'authorization: b')],
  ])('%s', async (_, request) => {
    const direct = await wireOf(toNodeListener(handlerOf()), request)
    const handler = handlerOf()
    const throughFetch = await wireOf(
      toNodeListener((received) => handler(received)),
      request,
    )
    expect(direct).toBe(throughFetch)
    expect(direct).toMatch(/^HTTP\/1\.1 /)
  })
})

test('two requests on one connection are answered one after the other, whether their bodies are read or not', async () => {
  const { port } = await serve(createServer(toNodeListener(handlerOf())))
  const client = rawClient(port)
  const keep = (text: string) => text.replace('connection: close', 'connection: keep-alive')
  client.write(keep(send('POST', '/v1/chat/completions', [json], chat())))
  await client.until(/finish_reason/)
  client.write(keep(send('PUT', '/v1/models', [json], chat({ x: 'y'.repeat(200_000) }))))
  await client.until(/method_not_allowed/)
  client.write(get('/v1/models'))
  await client.until(/"object":"list"/)
})

/** Counts the Fetch objects that are made while something runs. */
async function madeDuring(act: () => Promise<unknown>): Promise<Readonly<Record<string, number>>> {
  const made: Record<string, number> = { Request: 0, Response: 0, Headers: 0, ReadableStream: 0 }
  for (const name of Object.keys(made)) {
    const original = Reflect.get(globalThis, name) as new (...parts: unknown[]) => object
    vi.stubGlobal(
      name,
      class extends original {
        constructor(...parts: unknown[]) {
          super(...parts)
          made[name] = (made[name] ?? 0) + 1
        }
      },
    )
  }
  try {
    await act()
  } finally {
    vi.unstubAllGlobals()
  }
  return made
}

describe('a request to the Node bridge makes no object of the Fetch standard', () => {
  test.each([
    ['for the models', get('/v1/models')],
    ['for a video', send('POST', '/v1/chat/completions', [json], chat())],
    ['for a stream', send('POST', '/v1/chat/completions', [json], chat({ stream: true }))],
    ['for a failure', get('/nowhere')],
  ])('%s', async (_, request) => {
    const listener = toNodeListener(handlerOf())
    expect(await madeDuring(() => wireOf(listener, request))).toEqual({
      Request: 0,
      Response: 0,
      Headers: 0,
      ReadableStream: 0,
    })
  })

  test('but a Request for a function of the user, who may read its body', async () => {
    const seen: unknown[] = []
    const authenticate = async (request: Request) => {
      seen.push(request instanceof Request, request.method, request.headers.get('x-a'), await request.clone().text())
      return 'ann'
    }
    const handler = handlerOf({ public: undefined, authenticate })
    const answer = await wireOf(toNodeListener(handler), send('POST', '/v1/chat/completions', [json, 'x-a: 1'], chat()))
    expect(answer).toContain('"finish_reason":"stop"')
    expect(seen).toEqual([true, 'POST', '1', chat()])
  })

  test('but Headers for prepare', async () => {
    const seen: unknown[] = []
    const handler = handlerOf({
      prepare: (video, { headers }) => {
        seen.push(headers instanceof Headers, headers.get('X-A'), [...headers].length)
        return video
      },
    })
    await wireOf(toNodeListener(handler), send('POST', '/v1/chat/completions', [json, 'x-a: 1'], chat()))
    expect(seen).toEqual([true, '1', 5])
  })
})
