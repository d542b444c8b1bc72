import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { RateLimitError } from '../../../src/contracts/upstream-errors.js'
import { type SoraPublisherOptions, soraPublisher } from '../../../src/strategies/index.js'
import { eventually } from '../../support/eventually.js'
import { deadOrigin, json, type LoopbackServer, loopbackServer } from '../../upstream/loopback-server.js'
import { rejection, stageContext } from '../../upstream/stage-context.js'

const SECRET = 'canary-post-token'
const HEADER = 'canary-post-header'
const video = { id: 'gen_01', url: 'https://cdn.example/a.mp4' }
const at = ({ origin }: Pick<LoopbackServer, 'origin'>, options: Partial<SoraPublisherOptions> = {}) =>
  soraPublisher({ baseUrl: `${origin}/backend`, apiKey: SECRET, ...options })
const posted = () => loopbackServer(json(200, { post: { id: 's_1', posted_at: 1.5 }, profile: { username: 'cat' } }))

describe('publish', () => {
  test('posts the generation and reads the id', async () => {
    const server = await posted()
    expect(await at(server).publish(video, stageContext())).toEqual({ id: 's_1' })
    expect(server.seen).toHaveLength(1)
    expect(server.seen[0]).toMatchObject({
      method: 'POST',
      url: '/backend/project_y/post',
      headers: { authorization: `Bearer ${SECRET}` },
    })
    expect(JSON.parse(String(server.seen[0]?.body))).toEqual({
      attachments_to_create: [{ generation_id: 'gen_01', kind: 'sora' }],
      post_text: '',
    })
  })

  test('sends the text of the post, and gives its page where it has one', async () => {
    const server = await loopbackServer(json(200, { post: { id: 's_1', permalink: 'https://share.example/p/s_1' } }))
    const publisher = at(server, { postText: 'Look', name: 'gateway', label: 'Gateway' })
    expect(await publisher.publish(video, stageContext())).toEqual({ id: 's_1', url: 'https://share.example/p/s_1' })
    expect(publisher).toMatchObject({ name: 'gateway', label: 'Gateway' })
    expect(JSON.parse(String(server.seen[0]?.body)).post_text).toBe('Look')
    const odd = await loopbackServer(json(200, { post: { id: 's_1', permalink: 7 } }))
    expect(await at(odd).publish(video, stageContext())).toEqual({ id: 's_1' })
  })

  test.each<[string, SoraPublisherOptions['headers']]>([
    ['a record', { 'x-device': HEADER }],
    ['a function', () => ({ 'x-device': HEADER })],
    ['an asynchronous function', async () => ({ 'x-device': HEADER })],
  ])('takes headers as %s, resolved before each request', async (_, headers) => {
    const server = await posted()
    const publisher = at(server, { headers })
    await publisher.publish(video, stageContext())
    await publisher.publish(video, stageContext())
    expect(server.seen.map((seen) => seen.headers['x-device'])).toEqual([HEADER, HEADER])
  })

  test.each([
    [{ post: {} }, 'post.id'],
    [{ post: { id: '' } }, 'post.id'],
    [{ profile: {} }, 'post'],
    ['<html>Sign in</html>', 'it is not JSON'],
    ['', 'it is empty'],
  ])('an answer without an id is named, and not repeated: %j', async (body, named) => {
    const server = await loopbackServer((_, response) =>
      response.end(typeof body === 'string' ? body : JSON.stringify(body)),
    )
    const error = await rejection(at(server).publish(video, stageContext()))
    expect(error).toMatchObject({
      code: 'upstream-response',
      isRetryable: false,
      message: expect.stringContaining(named),
    })
    expect(String((error as Error).message)).toMatch(/the post may exist$/)
  })

  test.each([
    [502, 'upstream-http'],
    [200, 'upstream-response'],
  ])('a failure that leaves the post open keeps what is known of it: %i', async (status, code) => {
    const server = await loopbackServer((_, response) => {
      response.writeHead(status, { 'x-request-id': 'req_1' }).end('<p>It broke</p>')
    })
    expect(await rejection(at(server).publish(video, stageContext()))).toMatchObject({
      code,
      status,
      url: `${server.origin}/backend/project_y/post`,
      bodyExcerpt: 'It broke',
      requestId: 'req_1',
      isRetryable: false,
    })
  })

  test.each([
    [401, { error: { code: 'token_invalidated', message: 'Sign in again' }, status: 401 }, 'authentication', false],
    [400, { error: { code: 'sentinel_block' } }, 'upstream-http', false],
    [429, {}, 'rate-limited', true],
    [503, {}, 'overloaded', true],
    [403, { error: { code: 'unsupported_country_code' } }, 'region-unsupported', false],
    [500, {}, 'upstream-http', false],
    [502, {}, 'upstream-http', false],
    [409, {}, 'upstream-http', false],
    [307, {}, 'upstream-http', false],
  ])('%i %j is %s, retryable: %s', async (status, body, code, isRetryable) => {
    const server = await loopbackServer(json(status, body))
    expect(await rejection(at(server).publish(video, stageContext()))).toMatchObject({ code, status, isRetryable })
    expect(server.seen).toHaveLength(1)
  })

  test('a lost answer is not repeated blindly, a lost connection beforehand may be', async () => {
    const lost = await loopbackServer((_, response) => response.destroy())
    expect(await rejection(at(lost).publish(video, stageContext()))).toMatchObject({
      code: 'network',
      isRefusal: false,
      isRetryable: false,
    })
    const hanging = await loopbackServer(() => undefined)
    expect(await rejection(at(hanging, { timeoutMs: 40 }).publish(video, stageContext()))).toMatchObject({
      code: 'network',
      isRetryable: false,
    })
    const dead = { origin: await deadOrigin() }
    expect(await rejection(at(dead).publish(video, stageContext()))).toMatchObject({
      code: 'network',
      isRefusal: true,
      isRetryable: true,
    })
  })

  test('headers that cannot be resolved or sent end it before anything is sent', async () => {
    const server = await posted()
    const failing = (headers: SoraPublisherOptions['headers']) =>
      rejection(at(server, { headers, timeoutMs: 40 }).publish(video, stageContext()))
    expect(await failing(() => Promise.reject(new TypeError(HEADER)))).toMatchObject({
      code: 'authentication',
      message: expect.stringMatching(/threw TypeError$/),
    })
    expect(await failing(() => Promise.reject(HEADER))).toMatchObject({
      message: expect.stringMatching(/threw string$/),
    })
    expect(await failing(() => ({ 'x-device': `${HEADER}\n` }))).toMatchObject({
      code: 'authentication',
      message: expect.stringContaining('x-device'),
    })
    expect(await failing(() => new Promise(() => undefined))).toMatchObject({ code: 'network', isRetryable: true })
    const ours = new RateLimitError('Could not sign in: too often')
    expect(await failing(() => Promise.reject(ours))).toBe(ours)
    expect(server.seen).toEqual([])
  })

  test('an abort rejects with its reason, at each point', async () => {
    const server = await loopbackServer(() => undefined)
    const controller = new AbortController()
    const waiting = rejection(at(server).publish(video, stageContext(controller.signal)))
    const asking = rejection(
      at(server, { headers: () => new Promise(() => undefined) }).publish(video, stageContext(controller.signal)),
    )
    await eventually(() => expect(server.seen).toHaveLength(1))
    controller.abort('enough')
    expect([await waiting, await asking]).toEqual(['enough', 'enough'])
    expect(await rejection(at(server).publish(video, stageContext(controller.signal)))).toBe('enough')
    expect(server.seen).toHaveLength(1)
  })
})

describe('unpublish', () => {
  test.each([200, 204])('deletes the post, answered by %i', async (status) => {
    const server = await loopbackServer((_, response) => {
      response.writeHead(status).end()
    })
    await at(server).unpublish?.({ id: 's_1/../x' }, stageContext())
    expect(server.seen[0]).toMatchObject({
      method: 'DELETE',
      url: '/backend/project_y/post/s_1%2F..%2Fx',
      body: Buffer.alloc(0),
    })
  })

  test('fails with a typed error', async () => {
    const server = await loopbackServer(json(404, { error: 'gone' }))
    expect(await rejection(Promise.resolve(at(server).unpublish?.({ id: 's_1' }, stageContext())))).toMatchObject({
      code: 'upstream-http',
      status: 404,
    })
  })
})

test('every problem of the options is named at once', () => {
  const bad = { name: ' ', baseUrl: 'ftp://x', headers: { 'a b': 'x' }, apiKey: '', postText: 7, timeoutMs: -1 }
  const fields = ['name', 'baseUrl', 'headers["a b"]', 'apiKey', 'postText', 'timeoutMs']
  expect(() => soraPublisher(bad as never)).toThrow(
    expect.objectContaining({ problems: fields.map((field) => expect.objectContaining({ field })) }),
  )
})

test('neither key nor headers are in any error, whatever the gateway echoes', async () => {
  const echo = `${SECRET} ${HEADER}`
  const faults: Parameters<typeof loopbackServer>[0][] = [
    json(401, { error: { message: echo, code: echo } }),
    json(500, { error: echo }),
    json(200, { post: { name: echo } }),
    (_, response) => response.writeHead(200).end(`<html>${echo}</html>`),
    (_, response) => response.writeHead(302, { location: `https://other.example/${HEADER}` }).end(),
    (_, response) => response.destroy(),
  ]
  for (const fault of faults) {
    const server = await loopbackServer(fault)
    const publisher = at(server, {
      headers: async () => ({ 'x-device': HEADER, authorization: `Bearer ${SECRET}` }),
      apiKey: undefined,
    })
    const error = await rejection(publisher.publish(video, stageContext()))
    expect(inspect(error, { depth: 12, showHidden: true }) + JSON.stringify(error)).not.toMatch(/canary/)
  }
})
