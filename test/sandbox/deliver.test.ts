import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { Fault } from '../../src/sandbox/fault.js'
import type { Sandbox } from '../../src/sandbox/sandbox.js'
import { startSandbox } from '../../src/sandbox/start-sandbox.js'
import { callVideosApi, createVideo } from './call-videos-api.js'

const TEXT = 'x'.repeat(100_000)
let sandbox: Sandbox

beforeAll(async () => {
  sandbox = await startSandbox()
  sandbox.files.put('a.txt', Buffer.from(TEXT))
})

afterEach(() => sandbox.clearFaults())
afterAll(() => sandbox.close())

const meet = (fault: Fault, init: RequestInit = {}) => {
  sandbox.setFaults({ files: [fault] })
  return fetch(sandbox.files.url('a.txt'), init)
}

const networkCodeOf = async (promise: Promise<unknown>) => {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason as Error,
  )
  const cause = error?.cause as { readonly code?: string } | undefined
  return cause?.code
}

// Waits for what the server notes a moment after its client has left.
const lastRequestAborted = async () => {
  while (sandbox.requests.at(-1)?.wasAborted !== true) await new Promise((resolve) => setImmediate(resolve))
  return sandbox.requests.at(-1)
}

const numberOfVideos = async () => (await callVideosApi(sandbox, '/videos?limit=100')).json.data.length

describe('answers in place of the right one', () => {
  it('status: in OpenAI form, in own JSON, as text, with own headers', async () => {
    const plain = await meet({ kind: 'status', status: 503 })
    expect([plain.status, (await plain.json()) as unknown]).toEqual([
      503,
      { error: { message: 'The sandbox answers with status 503', type: 'server_error', param: null, code: null } },
    ])
    expect(await (await meet({ kind: 'status', status: 404 })).json()).toMatchObject({
      error: { type: 'invalid_request_error' },
    })
    const own = await meet({ kind: 'status', status: 418, body: { tea: true }, headers: { 'x-pot': 'yes' } })
    expect([own.headers.get('x-pot'), await own.json()]).toEqual(['yes', { tea: true }])
    const text = await meet({ kind: 'status', status: 200, body: 'hello', headers: { 'content-type': 'text/css' } })
    expect([text.headers.get('content-type'), await text.text()]).toEqual(['text/css', 'hello'])
    expect(await (await meet({ kind: 'status', status: 500, body: 'oh' })).text()).toBe('oh')
    expect(sandbox.requests.at(-1)).toMatchObject({ fault: 'status', status: 500, wasAborted: false })
    expect(await (await fetch(sandbox.files.url('a.txt'))).text()).toBe(TEXT)
  })

  it('rate-limit: 429, with and without Retry-After', async () => {
    const told = await meet({ kind: 'rate-limit', retryAfterSeconds: 7 })
    expect([told.status, told.headers.get('retry-after')]).toEqual([429, '7'])
    expect(await told.json()).toMatchObject({ error: { code: 'rate_limit_exceeded' } })
    expect((await meet({ kind: 'rate-limit' })).headers.get('retry-after')).toBeNull()
  })

  it('html: a page with 200', async () => {
    const page = await meet({ kind: 'html' })
    expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8'])
    expect(await page.text()).toMatch(/^<!doctype html>/)
  })

  it('not-synced: 404 until the time has passed', async () => {
    sandbox.setFaults({ files: { kind: 'not-synced', forMs: 60_000 } })
    expect((await fetch(sandbox.files.url('a.txt'), { method: 'HEAD' })).status).toBe(404)
    sandbox.setFaults({ files: { kind: 'not-synced', forMs: 0 } })
    expect((await fetch(sandbox.files.url('a.txt'))).status).toBe(200)
    expect(sandbox.requests.at(-1)?.fault).toBeUndefined()
  })
})

describe('answers that never end', () => {
  it('hang: no headers until the client gives up, and nothing is handled', async () => {
    const before = await numberOfVideos()
    sandbox.setFaults({ 'videos.create': { kind: 'hang' } })
    const { baseUrl, apiKey } = sandbox.videosApi
    const controller = new AbortController()
    const hanging = fetch(`${baseUrl}/videos`, {
      method: 'POST',
      headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
      body: JSON.stringify({ prompt: 'A cat' }),
      signal: controller.signal,
    })
    while (sandbox.requestsTo('videos.create').at(-1)?.body === undefined) await new Promise((go) => setImmediate(go))
    controller.abort()
    await expect(hanging).rejects.toThrow('aborted')
    expect(await lastRequestAborted()).toMatchObject({ fault: 'hang', wasAborted: true })
    expect(sandbox.requests.at(-1)?.status).toBeUndefined()
    expect(await numberOfVideos()).toBe(before)
  })

  it('hang after handling: the job is still there', async () => {
    const before = await numberOfVideos()
    sandbox.setFaults({ 'videos.create': { kind: 'hang', when: 'after-handling' } })
    const controller = new AbortController()
    const hanging = callVideosApi(sandbox, '/videos', {
      method: 'POST',
      body: { prompt: 'A cat', size: '64x64' },
      signal: controller.signal,
    })
    while ((await numberOfVideos()) === before) await new Promise((resolve) => setImmediate(resolve))
    controller.abort()
    await expect(hanging).rejects.toThrow('aborted')
  })

  it('hang-body: headers and half of the body, then silence', async () => {
    const controller = new AbortController()
    const response = await meet({ kind: 'hang-body' }, { signal: controller.signal })
    expect(response.headers.get('content-length')).toBe(String(TEXT.length))
    let received = 0
    const reading = (async () => {
      for await (const chunk of response.body ?? []) {
        received += chunk.length
        if (received === TEXT.length / 2) controller.abort()
      }
    })()
    await expect(reading).rejects.toThrow('aborted')
    expect(received).toBe(TEXT.length / 2)
    expect(await lastRequestAborted()).toMatchObject({ fault: 'hang-body', status: 200 })
  })

  it('slow: the whole answer, later; or the end of the client before it', async () => {
    const startedAt = performance.now()
    expect(await (await meet({ kind: 'slow', delayMs: 80 })).text()).toBe(TEXT)
    expect(performance.now() - startedAt).toBeGreaterThan(75)
    const before = sandbox.requests.length
    const controller = new AbortController()
    const slow = meet({ kind: 'slow', delayMs: 60_000 }, { signal: controller.signal })
    while (sandbox.requests.length === before) await new Promise((resolve) => setImmediate(resolve))
    controller.abort()
    await expect(slow).rejects.toThrow('aborted')
    expect(await lastRequestAborted()).toMatchObject({ fault: 'slow' })
  })
})

describe('answers that break', () => {
  it('reset before handling: nothing has happened', async () => {
    const before = await numberOfVideos()
    sandbox.setFaults({ 'videos.create': { kind: 'reset' } })
    expect(await networkCodeOf(createVideo(sandbox))).toBe('ECONNRESET')
    expect(await numberOfVideos()).toBe(before)
    const seen = sandbox.requestsTo('videos.create').at(-1)
    expect(seen).toMatchObject({ fault: 'reset', wasAborted: false, body: { prompt: 'A cat' } })
  })

  it('reset after handling: the job was accepted', async () => {
    const before = await numberOfVideos()
    sandbox.setFaults({ 'videos.create': { kind: 'reset', when: 'after-handling' } })
    expect(await networkCodeOf(createVideo(sandbox))).toBe('ECONNRESET')
    expect(await numberOfVideos()).toBe(before + 1)
  })

  it('reset in the body: headers, half of the body, then a reset', async () => {
    sandbox.setFaults({ files: { kind: 'reset', when: 'in-body' } })
    const request = get(sandbox.files.url('a.txt'), { agent: false })
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    // The request hears of the reset as well as its response, and an error event without a listener would be thrown.
    request.on('error', () => undefined)
    let received = 0
    const reading = (async () => {
      for await (const chunk of response) received += chunk.length
    })()
    await expect(reading).rejects.toMatchObject({ code: 'ECONNRESET' })
    expect(received).toBe(TEXT.length / 2)
  })

  it('truncated-json: half of the text with a length that agrees', async () => {
    sandbox.setFaults({ 'videos.list': { kind: 'truncated-json' } })
    const { baseUrl, apiKey } = sandbox.videosApi
    const response = await fetch(`${baseUrl}/videos`, { headers: { authorization: `Bearer ${apiKey}` } })
    const text = await response.text()
    expect([response.status, response.headers.get('content-length')]).toEqual([200, String(text.length)])
    expect(() => JSON.parse(text)).toThrow(SyntaxError)
  })

  it('wrong-length: promises more than it sends, and closes', async () => {
    const response = await meet({ kind: 'wrong-length', extraBytes: 10 })
    expect(response.headers.get('content-length')).toBe(String(TEXT.length + 10))
    await expect(response.arrayBuffer()).rejects.toThrow('terminated')
    const head = await meet({ kind: 'wrong-length', extraBytes: 10 }, { method: 'HEAD' })
    expect(head.headers.get('content-length')).toBe(String(TEXT.length + 10))
  })
})

describe('faults that only event streams, or only uploads, can have', () => {
  const space = () => sandbox.spaces[0]
  const submit = async () => {
    const data = ['', space().password, 'ü']
    const answer = await fetch(`${space().baseUrl}/call/upload`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ data }),
    })
    return ((await answer.json()) as { event_id: string }).event_id
  }
  const events = async (fault?: Fault) => {
    const id = await submit()
    sandbox.setFaults({ 'space-1.stream': fault === undefined ? undefined : [fault] })
    return fetch(`${space().baseUrl}/call/upload/${id}`)
  }
  const read = async (response: Response) => {
    const chunks: Buffer[] = []
    let error: unknown
    try {
      for await (const chunk of response.body ?? []) chunks.push(Buffer.from(chunk))
    } catch (reason) {
      error = reason
    }
    return { chunks, text: Buffer.concat(chunks).toString(), error: error instanceof Error ? error.message : undefined }
  }
  const HEARTBEAT = 'event: heartbeat\ndata: null\n\n'

  it('sse-cut: the stream is reset, or ends, after some events', async () => {
    expect(await read(await events({ kind: 'sse-cut', afterEvents: 1 }))).toMatchObject({
      text: HEARTBEAT,
      error: 'terminated',
    })
    expect(sandbox.requests.at(-1)).toMatchObject({ fault: 'sse-cut', status: 200, wasAborted: false })
    expect(await read(await events({ kind: 'sse-cut', afterEvents: 0 }))).toMatchObject({
      text: '',
      error: 'terminated',
    })
    expect(await read(await events({ kind: 'sse-cut', afterEvents: 1, how: 'end' }))).toMatchObject({
      text: HEARTBEAT,
      error: undefined,
    })
  })

  it('crlf, bom, split: the same events in other bytes', async () => {
    const plain = (await read(await events())).text
    expect(plain).toMatch(/^event: heartbeat\n.*event: complete\n/s)
    const crlf = plain.replaceAll('\n', '\r\n')
    expect((await read(await events({ kind: 'crlf' }))).text).toBe(crlf)
    expect((await read(await events({ kind: 'bom' }))).text).toBe(`\uFEFF${plain}`)
    const split = await read(await events({ kind: 'split', bytes: 3 }))
    expect(split.text).toBe(crlf)
    expect(split.chunks.length).toBeGreaterThan(10)
  })

  it('split and bom: of a body with a length as well, whose bytes stay unchanged', async () => {
    sandbox.files.put('b.txt', Buffer.from('a\nb\n'))
    sandbox.setFaults({ files: [{ kind: 'split', bytes: 1 }, { kind: 'crlf' }] })
    const pieces = await read(await fetch(sandbox.files.url('b.txt')))
    expect([pieces.text, pieces.chunks.length > 1]).toEqual(['a\nb\n', true])
    expect(await (await fetch(sandbox.files.url('b.txt'))).text()).toBe('a\nb\n')
    expect(await (await meet({ kind: 'bom' })).arrayBuffer()).toHaveProperty('byteLength', TEXT.length + 3)
  })

  it('half of a body is half of all events', async () => {
    const whole = (await read(await events())).text
    const half = Buffer.from(whole)
      .subarray(0, Math.floor(Buffer.byteLength(whole) / 2))
      .toString()
    expect(await read(await events({ kind: 'truncated-json' }))).toMatchObject({ text: half, error: undefined })
    expect(await read(await events({ kind: 'reset', when: 'in-body' }))).toMatchObject({
      text: half,
      error: 'terminated',
    })
    expect(await read(await events({ kind: 'wrong-length', extraBytes: 5 }))).toMatchObject({
      text: whole,
      error: 'terminated',
    })
  })

  it('slow, hang: before the first event', async () => {
    expect((await read(await events({ kind: 'slow', delayMs: 20 }))).text).toMatch(/event: complete/)
    const id = await submit()
    sandbox.setFaults({ 'space-1.stream': [{ kind: 'hang', when: 'after-handling' }] })
    const hanging = fetch(`${space().baseUrl}/call/upload/${id}`, { signal: AbortSignal.timeout(30) })
    await expect(hanging).rejects.toThrow('timeout')
  })

  it('sleeping: a page with 503 until the time has passed', async () => {
    const page = await meet({ kind: 'sleeping', forMs: 60_000 })
    expect([page.status, page.headers.get('content-type')]).toEqual([503, 'text/html; charset=utf-8'])
    expect(await (await meet({ kind: 'sleeping', forMs: 0 })).text()).toBe(TEXT)
  })

  it('cut-upload: bytes that are not part of an upload do not count', async () => {
    const before = await numberOfVideos()
    sandbox.setFaults({ 'videos.create': [{ kind: 'cut-upload', afterBytes: 5 }] })
    await expect(callVideosApi(sandbox, '/videos', { method: 'POST', body: { prompt: 'A cat' } })).rejects.toThrow(
      'fetch',
    )
    expect(await numberOfVideos()).toBe(before)
  })
})
