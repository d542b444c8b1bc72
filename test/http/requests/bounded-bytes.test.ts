import { connect, type Socket } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { bodyServer } from '../node/body-server.js'

const MIB = 1024 * 1024
const JSON_TYPE = 'content-type: application/json'

function client(port: number): Socket {
  const socket = connect(port, '127.0.0.1')
  // A server that has had enough resets the connection; the test reads the report of the server.
  socket.on('error', () => undefined)
  onTestFinished(() => void socket.destroy())
  return socket
}

const head = (...headers: string[]) => `POST / HTTP/1.1\r\nhost: backend.test\r\n${headers.join('\r\n')}\r\n\r\n`

test('a length that is declared too low cuts the body, and the rest is not parsed as a request', async () => {
  const server = await bodyServer({ maxBytes: MIB })
  const outcome = server.next()
  client(server.port).write(`${head(JSON_TYPE, 'content-length: 7')}{"a":1} and more`)
  expect(await outcome).toBe('json {"a":1}')
  const cut = server.next()
  client(server.port).write(`${head(JSON_TYPE, 'content-length: 3')}{"a":1}`)
  expect(await cut).toBe('400 invalid_json')
})

test('a length that is declared too high ends with the connection', async () => {
  const server = await bodyServer({ maxBytes: MIB })
  const outcome = server.next()
  client(server.port).end(`${head(JSON_TYPE, 'content-length: 500')}{"a":1}`)
  expect(await outcome).toBe('400 invalid_body')
})

test('a client that leaves in the middle of its body is recognised by the signal', async () => {
  const server = await bodyServer({ maxBytes: MIB, isAborting: true })
  const outcome = server.next()
  const socket = client(server.port)
  socket.write(`${head(JSON_TYPE, 'transfer-encoding: chunked')}4\r\n{"a"\r\n`, () => socket.destroy())
  expect(await outcome).toBe('thrown the client went away')
})

test('chunks of one byte are put together', async () => {
  const server = await bodyServer({ maxBytes: 100 })
  const outcome = server.next()
  const text = JSON.stringify({ prompt: 'Ein Fuß' })
  const chunks = [...Buffer.from(text)].map((byte) => Buffer.from([0x31, 0x0d, 0x0a, byte, 0x0d, 0x0a]))
  const socket = client(server.port)
  socket.write(head(JSON_TYPE, 'transfer-encoding: chunked'))
  for (const chunk of chunks) socket.write(chunk)
  socket.write('0\r\n\r\n')
  expect(await outcome).toBe(`json ${text}`)
})

test('a form without an end is refused', async () => {
  const server = await bodyServer({ maxBytes: MIB })
  const outcome = server.next()
  const body = '--x\r\ncontent-disposition: form-data; name="prompt"\r\n\r\na cat'
  const headers = ['content-type: multipart/form-data; boundary=x', `content-length: ${body.length}`]
  client(server.port).write(`${head(...headers)}${body}`)
  expect(await outcome).toBe('400 invalid_form')
})

test.each(['chunked', 'declared'])('of 100 MB (%s) no more is taken than the limit, in flat memory', async (kind) => {
  const server = await bodyServer({ maxBytes: MIB })
  const outcome = server.next()
  const socket = client(server.port)
  const isClosed = new Promise((resolve) => socket.on('close', resolve))
  const before = process.memoryUsage().rss
  let peak = before
  const chunk = Buffer.alloc(64 * 1024, 0x20)
  const framed = kind === 'chunked' ? Buffer.concat([Buffer.from('10000\r\n'), chunk, Buffer.from('\r\n')]) : chunk
  socket.write(head(JSON_TYPE, kind === 'chunked' ? 'transfer-encoding: chunked' : `content-length: ${100 * MIB}`))
  let left = 1600
  const pump = () => {
    peak = Math.max(peak, process.memoryUsage().rss)
    while (left > 0 && !socket.destroyed) {
      left -= 1
      if (!socket.write(framed)) return
    }
  }
  socket.on('drain', pump)
  pump()
  expect(await outcome).toBe('413 request_too_large')
  await isClosed
  expect(left).toBeGreaterThan(1400)
  expect(peak - before).toBeLessThan(50 * MIB)
})
