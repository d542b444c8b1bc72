import { getEventListeners, once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { eventually } from '../../support/eventually.js'
import { loopbackServer } from '../loopback-server.js'
import { fetchBytes } from './fetch-bytes.js'

const allowed = { allowPrivateAddresses: ['127.0.0.1'] }

test('a download accepts any type, unencoded, with a user agent; its own headers win', async () => {
  const server = await loopbackServer((_, response) => response.end('video'))
  await fetchBytes(server.origin, allowed)
  await fetchBytes(server.origin, allowed, {
    ownOrigin: server.origin,
    ownHeaders: { Accept: 'video/mp4', 'User-Agent': 'mine', 'Accept-Encoding': 'gzip' },
  })
  expect(server.seen.map(({ headers }) => [headers.accept, headers['user-agent'], headers['accept-encoding']])).toEqual(
    [
      ['*/*', 'sora-pipeline', 'identity'],
      ['video/mp4', 'mine', 'identity'],
    ],
  )
})

test('a stranger receives only the headers that control the answer', async () => {
  const server = await loopbackServer((_, response) => response.end('video'))
  const plain = {
    accept: 'video/*',
    'accept-language': 'de',
    'if-range': '"a"',
    range: 'bytes=0-1',
    'user-agent': 'mine',
  }
  const ownHeaders = { 'x-key': 'canary' }
  await fetchBytes(server.origin, allowed, {
    headers: { ...plain, 'X-Api-Key': 'canary', Cookie: 'canary' },
    ownHeaders,
  })
  expect(server.seen[0]?.headers).toMatchObject(plain)
  expect(JSON.stringify(server.seen[0]?.headers)).not.toContain('canary')
})

test('the signal of the caller is released at the end of the body, and where the body is missing', async () => {
  const server = await loopbackServer((_, response) => response.end('video'))
  const { signal } = new AbortController()
  await fetchBytes(server.origin, allowed, { signal })
  await fetchBytes(server.origin, allowed, { signal, method: 'HEAD' })
  await eventually(() => expect(getEventListeners(signal, 'abort')).toEqual([]))
})

test.each(['http://user@a.example/', 'http://:pass@a.example/', 'ftp://a.example/', 'xhttp://a.example/'])(
  'the address %s is not plain http',
  async (address) => {
    await expect(fetchBytes(address, allowed)).rejects.toMatchObject({
      code: 'upstream-response',
      isRetryable: false,
      message: 'Could not download the video: a.example is not plain https or http',
    })
  },
)

test('a server that switches to another protocol fails at once', async () => {
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.once('data', () =>
      socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n'),
    )
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  await expect(fetchBytes(origin, allowed)).rejects.toMatchObject({ code: 'network' })
})
