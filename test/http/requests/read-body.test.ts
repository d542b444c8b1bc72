import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { type RequestBody, readBody } from '../../../src/http/requests/read-body.js'
import { refusalOf } from './refusal-of.js'

type Body = NonNullable<ConstructorParameters<typeof Response>[0]> | null

const MIB = 1024 * 1024

function post(body: Body, contentType?: string, headers: Record<string, string> = {}): Request {
  const request = new Request('http://backend.test/v1/videos', { method: 'POST', body, headers, duplex: 'half' })
  if (contentType === undefined) request.headers.delete('content-type')
  else request.headers.set('content-type', contentType)
  return request
}

const read = (body: Body, contentType?: string, headers?: Record<string, string>): Promise<RequestBody> =>
  readBody(post(body, contentType, headers), { maxBytes: MIB })

describe('the content type', () => {
  test.each([
    'application/json',
    'application/json; charset=utf-8',
    'APPLICATION/JSON;charset="UTF-8"',
    'application/vnd.api+json',
    'application/problem+json; profile=x',
    'text/json',
  ])('%s is JSON', async (type) => {
    expect(await read('{"a":1}', type)).toEqual({ kind: 'json', value: { a: 1 } })
  })

  test.each(['{"a":1}', ' \r\n\t{"a":1}', '\ufeff{"a":1}', '\ufeff {"a":1}'])(
    'may be missing for what begins like an object: %j',
    async (text) => {
      expect(await read(Buffer.from(text))).toEqual({ kind: 'json', value: { a: 1 } })
    },
  )

  test.each(['multipart/form-data', 'Multipart/Form-Data'])('%s is a form', async (type) => {
    const body = await read(
      '--x\r\ncontent-disposition: form-data; name="a"\r\n\r\n1\r\n--x--\r\n',
      `${type}; boundary=x`,
    )
    expect(body).toEqual({ kind: 'form', parts: [{ name: 'a', value: '1' }] })
  })

  test.each([
    ['text/plain;charset=UTF-8', '{"a":1}'],
    ['application/x-www-form-urlencoded', 'a=1'],
    ['application/jsonp', '{}'],
    ['application/json, text/plain', '{}'],
    ['multipart/mixed; boundary=x', '--x--'],
    ['json', '{}'],
    ['/json', '{}'],
    [undefined, '[1]'],
    [undefined, 'prompt=1'],
  ])('%s with %s is refused', async (type, text) => {
    expect(await refusalOf(read(Buffer.from(text), type))).toBe('415 unsupported_media_type')
  })

  test('a body that is compressed is refused by the name of its encoding', async () => {
    const zipped = read(gzipSync('{"a":1}'), 'application/json', { 'content-encoding': 'gzip' })
    await expect(zipped).rejects.toMatchObject({ status: 415, message: expect.stringContaining('"gzip"') })
    const plain = await read('{"a":1}', 'application/json', { 'content-encoding': 'Identity' })
    expect(plain).toEqual({ kind: 'json', value: { a: 1 } })
  })

  test('nothing is read of a body that is refused for its type', async () => {
    const { stream, state } = endlessStream()
    expect(await refusalOf(read(stream, 'video/mp4'))).toBe('415 unsupported_media_type')
    expect(state).toEqual({ pulled: 0, isCancelled: true })
  })

  test('a missing body is empty, with a type and without one', async () => {
    expect(await refusalOf(read(null, 'application/json'))).toBe('400 invalid_json')
    expect(await refusalOf(read(null))).toBe('400 invalid_json')
    expect(await refusalOf(read(null, 'multipart/form-data; boundary=x'))).toBe('400 invalid_form')
  })
})

describe('the limit', () => {
  const text = JSON.stringify('é'.repeat(100))
  const length = Buffer.byteLength(text)

  test.each([
    [length, 'taken'],
    [length - 1, '413 request_too_large'],
    [length + 1, 'taken'],
    [0, '413 request_too_large'],
  ])('counts bytes, not characters: %d of them are %s', async (maxBytes, outcome) => {
    expect(await refusalOf(readBody(post(text, 'application/json'), { maxBytes }))).toBe(outcome)
  })

  test.each(['0', '1', '999999999999', '-1', 'many'])('ignores a declared length of %s', async (declared) => {
    const small = post('{"a":1}', 'application/json', { 'content-length': declared })
    expect(await refusalOf(readBody(small, { maxBytes: 7 }))).toBe('taken')
    const large = post('{"a":12}', 'application/json', { 'content-length': declared })
    expect(await refusalOf(readBody(large, { maxBytes: 7 }))).toBe('413 request_too_large')
  })

  test('ends the stream at the first chunk past it', async () => {
    const { stream, state } = endlessStream()
    expect(await refusalOf(read(stream, 'application/json'))).toBe('413 request_too_large')
    expect(state).toEqual({ pulled: MIB / 1024 + 1, isCancelled: true })
  })

  test('chunks of one byte take no more memory than their bytes', async () => {
    let sent = 0
    let peak = 0
    const start = process.memoryUsage().arrayBuffers
    // Slices of larger buffers, as a socket gives them: a list of them would keep more than a gigabyte.
    const stream = new ReadableStream<Uint8Array>({
      pull(controller) {
        if (sent % 100 === 0) peak = Math.max(peak, process.memoryUsage().arrayBuffers)
        if (sent === 20_000) controller.close()
        else controller.enqueue(Buffer.allocUnsafeSlow(65_536).fill(0x20).subarray(0, 1))
        sent += 1
      },
    })
    expect(await refusalOf(read(stream, 'application/json'))).toBe('400 invalid_json')
    // With the garbage that was not collected yet.
    expect(peak - start).toBeLessThan(300 * MIB)
  })
})

describe('a body that does not arrive whole', () => {
  test('breaks off', async () => {
    const stream = new ReadableStream({
      start(controller) {
        controller.enqueue(Buffer.from('{"a":'))
      },
      pull(controller) {
        controller.error(new Error('socket hang up'))
      },
    })
    await expect(read(stream, 'application/json')).rejects.toMatchObject({
      status: 400,
      code: 'invalid_body',
      message: 'Could not read the body: it broke off before its end',
      cause: new Error('socket hang up'),
    })
  })

  test('is not a stream of bytes', async () => {
    const stream = new ReadableStream({
      start(controller) {
        controller.enqueue('{"a":1}')
      },
    })
    expect(await refusalOf(read(stream, 'application/json'))).toBe('400 invalid_body')
  })

  test('was read before', async () => {
    const request = post('{"a":1}', 'application/json')
    await request.text()
    expect(await refusalOf(readBody(request, { maxBytes: MIB }))).toBe('500 body_already_read')
    const locked = post('{"a":1}', 'application/json')
    locked.body?.getReader()
    expect(await refusalOf(readBody(locked, { maxBytes: MIB }))).toBe('500 body_already_read')
  })

  test.each(['application/json', 'video/mp4'])(
    'rejects with the reason of a signal that was aborted before: %s',
    async (type) => {
      const signal = AbortSignal.abort('gone')
      const request = new Request('http://backend.test', {
        method: 'POST',
        body: '{}',
        headers: { 'content-type': type },
        signal,
      })
      await expect(readBody(request, { maxBytes: MIB })).rejects.toBe('gone')
    },
  )

  test('rejects with the reason of a signal that is aborted while it waits, and cancels', async () => {
    const controller = new AbortController()
    let isCancelled = false
    const body = new ReadableStream({
      pull: () => new Promise<void>(() => undefined),
      cancel() {
        isCancelled = true
      },
    })
    const request = new Request('http://backend.test', {
      method: 'POST',
      body,
      duplex: 'half',
      headers: { 'content-type': 'application/json' },
      signal: controller.signal,
    })
    const reading = readBody(request, { maxBytes: MIB })
    const reason = new Error('client went away')
    controller.abort(reason)
    await expect(reading).rejects.toBe(reason)
    expect(isCancelled).toBe(true)
  })
})

function endlessStream() {
  const state = { pulled: 0, isCancelled: false }
  const chunk = new Uint8Array(1024).fill(0x20)
  const stream = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        state.pulled += 1
        controller.enqueue(chunk)
      },
      cancel() {
        state.isCancelled = true
      },
    },
    { highWaterMark: 0 },
  )
  return { stream, state }
}
