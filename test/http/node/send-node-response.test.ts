import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import { createServer as createSecureServer, get as secureGet } from 'node:https'
import { connect as connectSecurely } from 'node:tls'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { sendNodeResponse } from '../../../src/http/node/send-node-response.js'
import { testCertificate } from '../../../src/testing/fault-server/test-certificate.js'
import { rawClient } from './raw-client.js'
import { serve } from './serve.js'

/** A server that sends what the test makes, and how each sending went. */
async function sending(answer: () => Response, prepare: (response: ServerResponse) => void = () => {}) {
  const sent: Promise<unknown>[] = []
  const server = createServer((_, response) => {
    prepare(response)
    sent.push(
      sendNodeResponse(response, answer()).then(
        () => 'sent',
        (error: unknown) => error,
      ),
    )
  })
  return { ...(await serve(server)), server, sent }
}

async function exchange(port: number, head = 'GET / HTTP/1.1\r\nhost: a\r\nconnection: close') {
  const client = rawClient(port)
  client.write(`${head}\r\n\r\n`)
  const end = await client.ended
  const [headers = '', ...rest] = client.text.split('\r\n\r\n')
  return { end, headers, body: rest.join('\r\n\r\n') }
}

const bytes = (text: string) => new TextEncoder().encode(text)

/** A body of chunks that come one by one, each with the way in which it is waited for, and how it was left. */
function bodyOf(chunks: readonly Uint8Array[], wait: (index: number) => unknown = () => undefined, failure?: unknown) {
  const left = Promise.withResolvers<unknown>()
  let pulls = 0
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const index = pulls
        pulls += 1
        await wait(index)
        const chunk = chunks[index]
        if (chunk) controller.enqueue(chunk)
        else if (failure === undefined) controller.close()
        else controller.error(failure)
      },
      cancel: left.resolve,
    },
    { highWaterMark: 0 },
  )
  return { body, left: left.promise, pulls: () => pulls }
}

const turn = () => new Promise((resolve) => setImmediate(resolve))

describe('the head', () => {
  it('has the status, its text and every header, each cookie in its own', async () => {
    const headers = new Headers({ 'x-a': '1, 2', 'content-type': 'text/plain' })
    headers.append('set-cookie', 'a=1; Path=/')
    headers.append('set-cookie', 'b=2')
    const { port } = await sending(() => new Response('hello', { status: 201, statusText: 'Made it', headers }))
    const { headers: head, body } = await exchange(port)
    expect(head).toMatch(/^HTTP\/1\.1 201 Made it\r\n/)
    for (const line of ['x-a: 1, 2', 'set-cookie: a=1; Path=/', 'set-cookie: b=2', 'Content-Length: 5']) {
      expect(head.split('\r\n')).toContain(line)
    }
    expect(body).toBe('hello')
  })

  it('keeps what was set before, unless the answer has it too; cookies are kept in either case', async () => {
    const answer = () => new Response(null, { headers: { 'x-b': 'answer', 'set-cookie': 'b=2' } })
    const { port } = await sending(answer, (response) => {
      response.setHeader('x-a', 'before').setHeader('x-b', 'before').setHeader('set-cookie', ['a=1'])
    })
    const { headers } = await exchange(port)
    const lines = headers.split('\r\n')
    expect(lines).toEqual(expect.arrayContaining(['x-a: before', 'x-b: answer', 'set-cookie: a=1', 'set-cookie: b=2']))
    expect(lines).not.toContain('x-b: before')
  })

  it('leaves framing to Node', async () => {
    const { port } = await sending(() => new Response('hello', { headers: { 'transfer-encoding': 'gzip, chunked' } }))
    const { headers, body } = await exchange(port)
    expect(headers).not.toMatch(/transfer-encoding/i)
    expect(body).toBe('hello')
  })

  it.each([
    ['HEAD', 200],
    ['GET', 204],
    ['GET', 304],
  ])('of %s %i is sent without a body, and the body is cancelled', async (method, status) => {
    const { body, left } = bodyOf([bytes('hello')])
    // No Response can be made with a body and one of these, but frameworks make what looks like one.
    const answer = { status, statusText: '', headers: new Headers({ 'x-a': '1' }), body } as Response
    const { port, sent } = await sending(() => answer)
    const { headers, body: received } = await exchange(port, `${method} / HTTP/1.1\r\nhost: a\r\nconnection: close`)
    expect(headers).toMatch(new RegExp(`^HTTP/1.1 ${status} [\\s\\S]*x-a: 1`))
    expect(received).toBe('')
    expect(await sent[0]).toBe('sent')
    await left
  })

  it('of HEAD keeps the Content-Length of what GET would get', async () => {
    const { port } = await sending(() => new Response('hello', { headers: { 'content-length': '5' } }))
    const { headers, body } = await exchange(port, 'HEAD / HTTP/1.1\r\nhost: a\r\nconnection: close')
    expect([headers.match(/content-length: 5/)?.length, body]).toEqual([1, ''])
  })
})

describe('the body', () => {
  it('arrives whole and in order, however it is cut and whenever it comes', async () => {
    const ways = [() => undefined, () => Promise.resolve(), () => new Promise<void>(process.nextTick), turn]
    const parts = fc.array(fc.tuple(fc.uint8Array({ maxLength: 300 }), fc.nat({ max: 200 }), fc.constantFrom(...ways)))
    let next: () => Response = () => new Response()
    const { origin, sent } = await sending(() => next())
    await fc.assert(
      fc.asyncProperty(parts, fc.boolean(), async (parts, hasLength) => {
        // Some of them are larger than any batch.
        const chunks = parts.map(([chunk, times]) => Buffer.concat(Array.from({ length: times }, () => chunk)))
        const whole = Buffer.concat(chunks)
        const { body } = bodyOf(chunks, (index) => parts[index]?.[2]())
        const headers = hasLength ? { 'content-length': String(whole.length) } : {}
        next = () => new Response(body, { headers })
        expect(Buffer.from(await (await fetch(origin)).arrayBuffer()).equals(whole)).toBe(true)
        expect(await sent.pop()).toBe('sent')
      }),
      { numRuns: 60 },
    )
  })

  it('is sent in one write where it is ready at once, and later where it is not', async () => {
    const chunks = ['a', 'b', 'c', 'd', 'e'].map(bytes)
    const { body } = bodyOf(chunks, (index) => index === 3 && turn())
    const { port } = await sending(() => new Response(body))
    expect((await exchange(port)).body).toBe('3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n')
  })

  it('is read no further than a client that stalls has room for, and continues with it', async () => {
    const chunk = new Uint8Array(16_384).fill(7)
    const { body, pulls } = bodyOf(Array.from({ length: 4000 }, () => chunk))
    const { port, sent } = await sending(() => new Response(body, { headers: { 'content-length': '65536000' } }))
    const client = rawClient(port)
    client.socket.pause()
    client.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n')
    let seen = -1
    for (let still = 0; still < 200; still += 1) {
      if (pulls() !== seen) still = 0
      seen = pulls()
      await turn()
    }
    expect(seen * 16_384).toBeLessThan(8_000_000)
    expect(seen).toBeGreaterThan(4)
    client.socket.resume()
    expect(await sent[0]).toBe('sent')
    expect(pulls()).toBe(4001)
  })

  it('yields to other work when it never waits', async () => {
    const chunk = new Uint8Array(1000)
    let isOver = false
    const { body } = bodyOf(Array.from({ length: 10_000 }, () => chunk))
    const { origin } = await sending(() => new Response(body))
    const download = fetch(origin).then(async (answer) => {
      const { byteLength } = await answer.arrayBuffer()
      isOver = true
      return byteLength
    })
    let turns = 0
    for (; !isOver; turns += 1) await turn()
    expect(await download).toBe(10_000_000)
    expect(turns).toBeGreaterThan(100)
  })

  it('is cancelled when the client leaves while it waits for room, and nothing is written after', async () => {
    const { body, left, pulls } = bodyOf(Array.from({ length: 4000 }, () => new Uint8Array(65_536)))
    // Cut short, but by the client.
    const { port, server, sent } = await sending(
      () => new Response(body, { headers: { 'content-length': '262144000' } }),
    )
    const client = rawClient(port)
    client.socket.pause()
    const [[, response]] = await Promise.all([
      once(server, 'request'),
      client.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n'),
    ])
    while (!response.writableNeedDrain) await turn()
    response.on('error', (error: Error) => sent.push(Promise.resolve(error)))
    client.socket.resetAndDestroy()
    expect(await left).toMatchObject({ name: 'AbortError' })
    expect(await sent[0]).toBe('sent')
    const before = pulls()
    for (let turns = 0; turns < 10; turns += 1) await turn()
    expect([pulls(), sent.length]).toEqual([before, 1])
  })
})

describe('a body that fails', () => {
  const failure = new Error('broken')
  const failing = (headers: Record<string, string> = {}) => {
    return () =>
      new Response(bodyOf([bytes('data: 1\n\n'), bytes('data: 2\n\n')], undefined, failure).body, { headers })
  }

  it.each<[string, string, Record<string, string>, string]>([
    ['HTTP/1.1', 'GET / HTTP/1.1\r\nhost: a', {}, 'end'],
    ['a Content-Length', 'GET / HTTP/1.1\r\nhost: a', { 'content-length': '100' }, 'end'],
    // A proxy that speaks it would take a clean end for the end of the body.
    ['HTTP/1.0', 'GET / HTTP/1.0', {}, 'ECONNRESET'],
  ])('is not a clean end with %s', async (_, head, headers, expected) => {
    const { port, sent } = await sending(failing(headers))
    const { end, body } = await exchange(port, head)
    expect(await sent[0]).toBe(failure)
    expect(end).toBe(expected)
    expect(body).not.toMatch(/0\r\n\r\n$/)
    // A reset may overtake what was sent before it.
    if (expected === 'end') expect(body).toMatch(/data: 1\n\ndata: 2\n\n/)
  })

  it('is cut on TLS too', async () => {
    const { cert, key } = testCertificate('self-signed')
    const server = createSecureServer({ cert, key }, (_, response) => {
      sendNodeResponse(response, failing()()).catch((error) => server.emit('told', error))
    })
    const { origin } = await serve(server, 'https')
    const told = once(server, 'told')
    const call = secureGet(origin, { ca: cert, agent: false })
    const [answer] = await once(call, 'response')
    await expect(answer.toArray()).rejects.toThrow('aborted')
    expect(await told).toEqual([failure])
  })

  it('is cut where no reset is possible: HTTP/1.0 on TLS', async () => {
    const { cert, key } = testCertificate('self-signed')
    const told = Promise.withResolvers<unknown>()
    const server = createSecureServer({ cert, key }, (_, response) => {
      sendNodeResponse(response, failing()()).catch(told.resolve)
    })
    const { port } = await serve(server, 'https')
    const client = connectSecurely({ port, host: '127.0.0.1', ca: cert })
    client.write('GET / HTTP/1.0\r\n\r\n')
    expect(await told.promise).toBe(failure)
    await once(client.on('error', () => undefined).resume(), 'close')
  })

  it('before its first byte still has its status', async () => {
    const { port, sent } = await sending(() => new Response(bodyOf([], turn, failure).body))
    const { headers, body } = await exchange(port)
    expect([headers.slice(0, 15), body]).toEqual(['HTTP/1.1 200 OK', ''])
    expect(await sent[0]).toBe(failure)
  })
})

describe('an answer that cannot be sent', () => {
  it.each([
    ['longer', '4', 'Could not send the 4 bytes of the Content-Length: the body has 5'],
    ['shorter', '6', 'Could not send the 6 bytes of the Content-Length: the body has 5'],
  ])('because it is %s than its Content-Length is cut', async (_, length, message) => {
    const { port, sent } = await sending(() => new Response('hello', { headers: { 'content-length': length } }))
    const client = rawClient(port)
    client.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n')
    await client.ended
    expect(await sent[0]).toEqual(new RangeError(message))
  })

  it('because it yields text is cut', async () => {
    const { port, sent } = await sending(() => {
      const body = new ReadableStream({ start: (controller) => controller.enqueue('text') })
      return new Response(body as ReadableStream<Uint8Array>)
    })
    await exchange(port)
    expect(await sent[0]).toEqual(new TypeError('Could not send a chunk of the body: "text" is not a Uint8Array'))
  })

  it('leaves the response to the code that sends another answer', async () => {
    const used = new Response('a')
    used.body?.getReader()
    for (const answer of [used, Response.error()]) {
      const { server, port } = await sending(() => new Response('in its place'))
      server.prependOnceListener('request', () => {})
      server.removeAllListeners('request').on('request', async (_, response) => {
        await expect(sendNodeResponse(response, answer)).rejects.toThrow()
        await sendNodeResponse(response, new Response('in its place'))
      })
      expect((await exchange(port)).body).toBe('in its place')
    }
  })

  it('because the response was begun by another cuts that, and cancels the body', async () => {
    const { body, left } = bodyOf([bytes('a')])
    const { port, sent } = await sending(
      () => new Response(body, { headers: { 'x-a': '1' } }),
      (response) => response.write('begun'),
    )
    await exchange(port)
    expect(await sent[0]).toMatchObject({ code: 'ERR_HTTP_HEADERS_SENT' })
    await left
  })

  it.each(['ended by another', 'gone'])('because the response is %s is cancelled silently', async (how) => {
    const { body, left } = bodyOf([bytes('a')])
    const { port, sent } = await sending(
      () => new Response(body),
      (response) => (how === 'gone' ? response.destroy() : response.end('by another')),
    )
    const { body: received } = await exchange(port)
    expect(received).toBe(how === 'gone' ? '' : 'by another')
    expect([await sent[0], ((await left) as Error).name]).toEqual(['sent', 'AbortError'])
  })

  it('because another ends the response in mid-stream is cancelled', async () => {
    const { body, left } = bodyOf([bytes('a')], (index) => (index === 0 ? undefined : new Promise(() => {})))
    const { port, server, sent } = await sending(() => new Response(body))
    const client = rawClient(port)
    const [[, response]] = await Promise.all([
      once(server, 'request'),
      client.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n'),
    ])
    await client.until(/\r\na\r\n/)
    response.end('z')
    await left
    expect(await sent[0]).toBe('sent')
    await client.until(/z\r\n0\r\n\r\n/)
  })

  it('because another ends the response while it is being read writes nothing after the end', async () => {
    let response: ServerResponse | undefined
    const { body, left } = bodyOf([bytes('a'), bytes('b')], (index) => {
      if (index === 1) response?.end('z')
      return index > 1 && new Promise(() => {})
    })
    const { port, sent } = await sending(
      () => new Response(body),
      (it) => {
        response = it.on('error', (error) => sent.push(Promise.resolve(error)))
      },
    )
    expect((await exchange(port)).body).toMatch(/z/)
    await left
    expect(await Promise.all(sent)).toEqual(['sent'])
  })
})
