import { inspect } from 'node:util'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createWebhookSender, type WebhookSenderOptions } from '../../../src/http/webhooks/webhook-sender.js'
import {
  cutReply,
  type FaultHandler,
  faultServer,
  neverReply,
  reply,
  replyRaw,
  resetConnection,
  slowReply,
} from '../../../src/testing/index.js'
import { eventually } from '../../support/eventually.js'
import { lookupOf, portOf } from '../../upstream/download/fetch-bytes.js'
import { SPELLINGS } from '../../upstream/download/spellings.js'
import { loopbackServer } from '../../upstream/loopback-server.js'
import { instantClock } from '../../upstream/stage-context.js'

const COMPLETED = { type: 'video.completed', data: { id: 'video_1' } } as const
const SECRET = 'canary-secret-1'

const createSender = (more: Partial<WebhookSenderOptions> = {}) =>
  createWebhookSender({
    secret: SECRET,
    clock: instantClock(),
    allowPrivateAddresses: ['127.0.0.1'],
    timeoutMs: 5_000,
    ...more,
  })

async function faulty(...handlers: readonly FaultHandler[]) {
  const server = await faultServer({ '/hook': handlers })
  onTestFinished(() => server.close())
  return server
}

describe('a receiver that fails once is retried', () => {
  test.each<[string, FaultHandler]>([
    ['resets the connection', resetConnection()],
    ['closes it', ({ end }) => end('close')],
    ['does not answer', neverReply()],
    ['does not finish its headers', cutReply(reply(), { part: 'head', afterBytes: 20, ending: 'silence' })],
    ['cuts its headers off', cutReply(reply(), { part: 'head', afterBytes: 20 })],
    ['does not speak HTTP', replyRaw('220 mail.example ESMTP\r\n')],
    ['has headers without end', replyRaw(`HTTP/1.1 200 OK\r\n${'a: b\r\n'.repeat(100_000)}`)],
    [
      'wants another protocol',
      replyRaw('HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n'),
    ],
    ['answers with no status', replyRaw('HTTP/1.1 OK\r\n\r\n')],
  ])('%s', async (_, fault) => {
    const server = await faulty(fault, reply())
    const delivery = await createSender({ timeoutMs: 300 }).send(`${server.origin}/hook`, COMPLETED)
    expect(delivery).toMatchObject({
      outcome: 'delivered',
      attempts: [{ error: { code: expect.any(String) } }, { status: 200 }],
    })
    expect(delivery.attempts[0]?.status).toBeUndefined()
    const ids = server.requests.map(({ headers }) => headers['webhook-id'])
    expect(ids).toEqual([delivery.id, delivery.id])
  })

  test('a closed port, an unknown name, an invalid certificate', async () => {
    const server = await faulty(reply())
    const secure = await faultServer({}, { tls: 'self-signed' })
    onTestFinished(() => secure.close())
    const urls = [await server.refusedOrigin(), 'http://hooks.example/', secure.origin]
    const sender = createSender({ retries: 2, lookup: lookupOf([]).lookup })
    const deliveries = await Promise.all(urls.map((url) => sender.send(url, COMPLETED)))
    for (const delivery of deliveries) {
      expect(delivery).toMatchObject({ outcome: 'exhausted', error: { code: 'network' } })
      expect(delivery.attempts).toHaveLength(3)
    }
  })
})

describe('the body of an answer does not matter', () => {
  test.each<[string, FaultHandler]>([
    ['cut off', cutReply(reply({ body: 'x'.repeat(1_000) }), { afterBytes: 10 })],
    ['not sent', cutReply(reply({ body: 'x' }), { ending: 'silence' })],
    ['slow', slowReply(reply({ body: 'x'.repeat(1_000) }), { everyMs: 50 })],
    ['larger than any memory', reply({ body: 'x', headers: { 'content-length': '999999999999' } })],
    ['no chunk', replyRaw('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nnonsense')],
    ['called gzip', reply({ body: 'x', headers: { 'content-encoding': 'gzip' } })],
    ['huge', reply({ body: 'x'.repeat(50_000_000) })],
  ])('%s', async (_, handler) => {
    const server = await faulty(handler)
    const delivery = await createSender().send(`${server.origin}/hook`, COMPLETED)
    expect(delivery).toMatchObject({ outcome: 'delivered', attempts: [{ status: 200 }] })
    expect(server.requests).toHaveLength(1)
  })
})

describe('private addresses', () => {
  test.each(SPELLINGS)('%j is refused before anything is sent', async (spelling) => {
    const server = await loopbackServer((_seen, response) => response.end())
    const sender = createSender({ allowPrivateAddresses: undefined, lookup: lookupOf(['127.0.0.1']).lookup })
    for (const port of [portOf(server.origin), 80]) {
      const delivery = await sender.send(spelling.replace('PORT', String(port)), COMPLETED)
      expect(delivery).toMatchObject({ outcome: 'refused', attempts: [], error: { code: 'request-invalid' } })
    }
    expect([server.seen, server.sockets.size]).toEqual([[], 0])
  })

  test('a redirect to one is not followed', async () => {
    const inside = await loopbackServer((_seen, response) => response.end('secret'))
    const outside = await faulty(reply({ status: 307, headers: { location: inside.origin } }))
    const delivery = await createSender({ retries: 1 }).send(`${outside.origin}/hook`, COMPLETED)
    expect(delivery).toMatchObject({ outcome: 'exhausted', error: { status: 307 } })
    expect([inside.seen, outside.requests.length]).toEqual([[], 2])
  })

  // 127.0.0.2 stands for the open network: it is listed, and 127.0.0.1 may not be reached.
  test('a name that leads to one after a while is refused there and then', async () => {
    const peers: (string | undefined)[] = []
    const server = await loopbackServer((_seen, response, { socket }) => {
      peers.push(socket.localAddress?.replace('::ffff:', ''))
      response.writeHead(500).end()
    }, '0.0.0.0')
    const { lookup, asked } = lookupOf(['127.0.0.2'], ['127.0.0.2', '127.0.0.1'])
    const sender = createSender({ allowPrivateAddresses: ['127.0.0.2'], lookup })
    const delivery = await sender.send(`http://hooks.example:${portOf(server.origin)}/hook`, COMPLETED)
    expect(delivery).toMatchObject({ outcome: 'refused', attempts: [{ status: 500 }, { error: { code: 'network' } }] })
    expect(JSON.stringify(delivery)).not.toContain('127.0.0')
    expect([asked.length, peers]).toEqual([2, ['127.0.0.2']])
  })

  test('that are listed are sent to', async () => {
    const server = await faulty(reply())
    const name = `http://hooks.internal:${portOf(server.origin)}/hook`
    const sender = createSender({ allowPrivateAddresses: ['127.0.0.0/8'], lookup: lookupOf(['127.0.0.1']).lookup })
    expect(await sender.send(name, COMPLETED)).toMatchObject({ outcome: 'delivered' })
  })
})

test.each(['', 'a b', 'evt.1', 'evt_1\r\nx: y', 'ü', 'x'.repeat(201)])('the id %j is refused', async (id) => {
  const delivery = await createSender().send('http://127.0.0.1:1/', { ...COMPLETED, id })
  expect(delivery).toMatchObject({ outcome: 'refused', attempts: [], error: { code: 'request-invalid' } })
})

test('no report has more of the address than its host, nor the secret', async () => {
  const server = await faultServer({
    '*': [
      reply({ status: 500, body: 'canary-body' }),
      resetConnection(),
      neverReply(),
      replyRaw('canary'),
      reply({ status: 302, headers: { location: '/canary-place' } }),
      reply({ status: 410 }),
    ],
  })
  onTestFinished(() => server.close())
  const told: unknown[] = []
  const sender = createSender({
    timeoutMs: 200,
    lookup: lookupOf(['10.0.0.1']).lookup,
    onAttempt: (...args) => told.push(args),
  })
  const path = '/canary-path?token=canary-token#canary-part'
  for (const start of [
    server.origin,
    'http://10.0.0.1',
    'http://a.example',
    'http://canary-user:canary-word@a.example',
    'ftp://a.example',
    'canary',
    'http://a.example:x',
  ]) {
    told.push(await sender.send(`${start}${path}`, COMPLETED))
  }
  expect(told).toHaveLength(6 + 1 + 7)
  expect(inspect(told, { depth: 20 })).not.toContain('canary')
})

test('no connection is left open', async () => {
  const server = await loopbackServer(({ url }, response) => {
    if (url === '/fine') response.end()
    if (url === '/endless') response.write('x')
    if (url === '/reset') response.destroy()
  })
  const sender = createSender({ timeoutMs: 100, retries: 1 })
  await Promise.all(
    ['/fine', '/endless', '/reset', '/hang'].map((path) => sender.send(`${server.origin}${path}`, COMPLETED)),
  )
  expect(server.seen).toHaveLength(6)
  await eventually(() => expect(server.sockets.size).toBe(0))
})
