import { once } from 'node:events'
import { gzipSync } from 'node:zlib'
import express from 'express'
import { describe, expect, it } from 'vitest'
import { rawClient } from './raw-client.js'
import { type Echo, startExpress, startListener } from './start-listener.js'

describe('a body', () => {
  it('is not read before the handler reads it, nor faster', async () => {
    const reading = Promise.withResolvers<Request>()
    const { port, sockets } = await startListener(async (request) => {
      reading.resolve(request)
      await once(request.signal, 'abort')
      return new Response()
    })
    const client = rawClient(port)
    client.write('POST /a HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n')
    const chunk = Buffer.concat([Buffer.from('10000\r\n'), Buffer.alloc(65_536), Buffer.from('\r\n')])
    for (let sent = 0; sent < 200; sent += 1) client.write(chunk)
    const reader = (await reading.promise).body?.getReader()
    expect(reader).toBeDefined()
    const [socket] = sockets
    const atRest = async () => {
      for (let turns = 0; turns < 100; turns += 1) await new Promise((resolve) => setImmediate(resolve))
      return socket?.bytesRead ?? Number.NaN
    }
    const before = await atRest()
    expect(before).toBeLessThan(300_000)
    for (let bytes = 0; bytes < 1_000_000; ) bytes += (await reader?.read())?.value?.byteLength ?? 0
    expect(await atRest()).toBeLessThan(before + 1_300_000)
  })

  it('of 100 MB is taken as it comes', async () => {
    const { origin } = await startListener(async ({ body }) => {
      let byteLength = 0
      for await (const chunk of body ?? []) byteLength += chunk.byteLength
      return new Response(String(byteLength))
    })
    expect(await (await fetch(origin, { method: 'POST', body: new Uint8Array(100_000_000) })).text()).toBe('100000000')
  })

  it('of 100 MB that the handler gives up is discarded, and its connection stays usable', async () => {
    const { port, sockets } = await startListener(async ({ body }) => {
      for await (const _ of body ?? []) break
      return new Response('too large', { status: 413 })
    })
    const client = rawClient(port)
    client.write('POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 100000000\r\n\r\n')
    client.write(Buffer.alloc(1_000_000))
    await client.until(/413 [\s\S]*too large$/)
    client.write(Buffer.alloc(99_000_000))
    client.write('POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\nconnection: close\r\n\r\n1')
    expect(await client.ended).toBe('end')
    expect(client.text.match(/HTTP\/1\.1 413/g)).toHaveLength(2)
    expect(sockets.size).toBeLessThanOrEqual(1)
  })

  it('that the handler leaves in the middle does not block its connection', async () => {
    const { port } = await startListener(async ({ body }) => {
      const reader = body?.getReader()
      await reader?.read()
      reader?.releaseLock()
      return new Response('left')
    })
    const client = rawClient(port)
    client.write('POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 2000000\r\n\r\n')
    client.write(Buffer.alloc(2_000_000))
    client.write('POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\n\r\n1')
    await client.until(/HTTP\/1\.1 200 OK[\s\S]*?left/, 2)
  })

  it.each(['at once', 'when it is read'])('that ends early fails with an AbortError, %s', async (when) => {
    const failed = Promise.withResolvers<unknown>()
    const { port, errors } = await startListener(async (request) => {
      const reader = request.body?.getReader()
      if (when === 'at once') await reader?.read()
      else await once(request.signal, 'abort')
      await reader?.read().catch(failed.resolve)
      throw request.signal.reason
    })
    const client = rawClient(port)
    client.write('POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\nnot all of it')
    if (when === 'at once') await new Promise((resolve) => setImmediate(resolve))
    client.socket.end()
    expect(await failed.promise).toMatchObject({ name: 'AbortError', message: 'The client closed the connection' })
    expect(errors).toEqual([])
  })
})

describe('a body that a parser has read', () => {
  const post = async (origin: string, type: string, body: string | Uint8Array<ArrayBuffer>, headers = {}) => {
    const answer = await fetch(`${origin}/echo`, {
      method: 'POST',
      headers: { 'content-type': type, ...headers },
      body,
    })
    return (await answer.json()) as Echo
  }

  it.each<[string, string, string, string?]>([
    ['application/json', '{"__proto__":{"a":1},"b":[ "\u00e4" ]}', '{"__proto__":{"a":1},"b":["\u00e4"]}'],
    ['application/json; charset=utf-8', 'null', 'null'],
    ['application/json', '12', '12'],
    ['application/x-www-form-urlencoded', 'a=1&a=2&b=%26+c', 'a=1&a=2&b=%26+c'],
    ['application/x-www-form-urlencoded', 'a[b]=1&a[c][]=2&d[0][e]=3', 'a%5Bb%5D=1&a%5Bc%5D=2&d%5B0%5D%5Be%5D=3'],
    ['text/plain', 'as it \n is', 'as it \n is'],
    ['application/octet-stream', 'bytes \u00e4', 'bytes \u00e4'],
  ])('of %s: %j', async (type, sent, expected) => {
    const { origin } = await startExpress(
      express.json({ strict: false }),
      express.urlencoded({ extended: true }),
      express.text(),
      express.raw(),
    )
    const { body, headers } = await post(origin, type, sent)
    expect(body).toBe(expected)
    expect(headers['content-length']).toBe(String(Buffer.byteLength(expected)))
    expect(headers['content-type']).toBe(type)
  })

  it('is the unpacked one, and its headers match', async () => {
    const { origin } = await startExpress(express.json())
    const zipped = Uint8Array.from(gzipSync('{"a":1}'))
    const { body, headers } = await post(origin, 'application/json', zipped, { 'content-encoding': 'gzip' })
    expect(body).toBe('{"a":1}')
    expect(headers).toMatchObject({ 'content-length': '7' })
    expect(headers).not.toHaveProperty('content-encoding')
  })

  it('is streamed where the parser did not read it', async () => {
    const { origin } = await startExpress(express.json())
    expect((await post(origin, 'text/plain', 'not for the parser')).body).toBe('not for the parser')
  })

  it('is taken byte for byte from rawBody', async () => {
    const { origin } = await startExpress((request, _, next) => {
      express.json({ verify: (request, _, buffer) => Object.assign(request, { rawBody: buffer }) })(request, _, next)
    })
    expect((await post(origin, 'application/json', '{ "a" : 1 }')).body).toBe('{ "a" : 1 }')
  })

  it.each([
    ['nowhere', undefined, 'request.body is undefined'],
    ['where the files of a form are lost', { field: '1' }, 'request.body is multipart/form-data'],
    ['as a value that is not text', () => 1, 'request.body is function'],
  ])('and left %s is an error that reports it', async (_, left, said) => {
    const { origin, errors } = await startExpress(async (request, _, next) => {
      await request.toArray()
      request.body = left
      next()
    })
    const headers = { 'content-type': left && typeof left === 'object' ? 'multipart/form-data; boundary=a' : 'a/b' }
    const answer = await fetch(`${origin}/echo`, { method: 'POST', headers, body: 'a' })
    expect(answer.status).toBe(500)
    const { error } = (await answer.json()) as { error: { message: string; code: string } }
    expect(error).toMatchObject({ code: 'configuration_error', type: 'server_error', param: null })
    expect(error.message).toContain(`${said} (the body was read before`)
    expect(errors).toEqual([expect.objectContaining({ message: error.message, code: 'configuration-invalid' })])
  })
})
