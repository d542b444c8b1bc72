import { inspect } from 'node:util'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { fallback, SoraPipeline } from '../../src/index.js'
import { type Fault, type Sandbox, startSandbox } from '../../src/sandbox/index.js'
import {
  chatCompletionsGenerator,
  mirrorResolver,
  parseServerResolver,
  soraPublisher,
} from '../../src/strategies/index.js'
import {
  fakeContext,
  generatorConformance,
  publisherConformance,
  resolverConformance,
} from '../../src/testing/index.js'
import { systemClock } from '../../src/timing/system-clock.js'
import { loopbackServer } from '../upstream/loopback-server.js'

let sandbox: Sandbox
beforeAll(async () => {
  sandbox = await startSandbox({ speed: 500 })
})
afterAll(() => sandbox.close())
beforeEach(() => sandbox.clearFaults())

const SECRET = 'canary-family-key'
const hangs = () => loopbackServer(() => undefined)
const fails = () =>
  loopbackServer((sent, response) => {
    response.writeHead(503).end(`${sent.headers.authorization} ${sent.body}`)
  })
const chatOf = (baseUrl: string, apiKey: string, model = 'fenced-html') =>
  chatCompletionsGenerator({ baseUrl, apiKey, model })
const publisherOf = (baseUrl: string, token: string) =>
  soraPublisher({ baseUrl, headers: async () => ({ authorization: `Bearer ${token}` }) })
const parserOf = (baseUrl: string, token: string) =>
  parseServerResolver({ baseUrl, token, allowPrivateAddresses: ['127.0.0.1'] })
const inSandbox = (model?: string) => chatOf(sandbox.chat.baseUrl, sandbox.chat.apiKey, model)
const context = () => fakeContext({ clock: systemClock })

async function published() {
  const video = await inSandbox().generate({ prompt: 'A cat' }, context())
  const publication = await publisherOf(sandbox.posts.baseUrl, sandbox.posts.token).publish(video, context())
  return { video, publication }
}

describe('chatCompletionsGenerator', () => {
  const at = (origin: string) => ({ generator: chatOf(origin, SECRET), secrets: [SECRET] })
  generatorConformance({
    test,
    create: () => ({
      generator: inSandbox(),
      secrets: [sandbox.chat.apiKey],
      requests: () => sandbox.requestsTo('chat').length,
    }),
    async createHanging() {
      const server = await hangs()
      return { ...at(server.origin), requests: () => server.seen.length }
    },
    createFailing: async () => at((await fails()).origin),
  })

  test.each(['fenced-html', 'delta-output', 'json', 'markdown', 'bare-url', 'seed'])(
    'the video of %s can be fetched',
    async (model) => {
      const told = context()
      const { url = '', id } = await inSandbox(model).generate({ prompt: 'A cat' }, told)
      const answer = await fetch(url)
      expect([answer.status, answer.headers.get('content-type'), id !== '']).toEqual([200, 'video/mp4', true])
      expect(Buffer.from(await answer.arrayBuffer()).toString('latin1', 4, 8)).toBe('ftyp')
      expect(told.progress.length).toBeGreaterThan(0)
      expect(told.warnings).toEqual([])
    },
  )

  test.each<[string, string]>([
    ['no-account', 'quota-exceeded'],
    ['heavy-load', 'overloaded'],
    ['unsupported-country', 'region-unsupported'],
    ['upstream-timeout', 'submission-unknown'],
    ['no-url', 'submission-unknown'],
    ['moderation-blocked', 'content-rejected'],
    // It relays a 500 of its upstream, which proves nothing.
    ['generation-failed', 'submission-unknown'],
  ])('the prompt %s ends as %s', async (word, code) => {
    await expect(inSandbox().generate({ prompt: `A cat ${word}` }, context())).rejects.toMatchObject({ code })
  })

  test.each<[string, Fault]>([
    ['crlf', { kind: 'crlf' }],
    ['bom', { kind: 'bom' }],
    ['pieces of three bytes', { kind: 'split', bytes: 3 }],
    ['slow', { kind: 'slow', delayMs: 30 }],
  ])('%s do no harm', async (_, fault) => {
    sandbox.setFaults({ chat: fault })
    expect(await inSandbox('seed').generate({ prompt: 'A cat' }, context())).toMatchObject({
      url: expect.stringMatching(/^http/),
    })
  })

  test.each<[Fault, string]>([
    [{ kind: 'sse-cut', afterEvents: 1 }, 'submission-unknown'],
    [{ kind: 'sse-cut', afterEvents: 1, how: 'end' }, 'submission-unknown'],
    [{ kind: 'reset' }, 'submission-unknown'],
    [{ kind: 'reset', when: 'after-handling' }, 'submission-unknown'],
    [{ kind: 'html' }, 'submission-unknown'],
    [{ kind: 'truncated-json' }, 'submission-unknown'],
    [{ kind: 'rate-limit', retryAfterSeconds: 3 }, 'rate-limited'],
    [{ kind: 'status', status: 503 }, 'overloaded'],
    [{ kind: 'status', status: 500 }, 'submission-unknown'],
  ])('%j is %s, and sent once', async (fault, code) => {
    sandbox.setFaults({ chat: fault })
    const before = sandbox.requestsTo('chat').length
    const error: unknown = await inSandbox('json')
      .generate({ prompt: 'A cat' }, context())
      .catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code })
    expect(sandbox.requestsTo('chat')).toHaveLength(before + 1)
    expect(inspect(error, { depth: 12, showHidden: true }) + JSON.stringify(error)).not.toContain(sandbox.chat.apiKey)
  })

  test('a model that does not exist is a refusal, though it comes with 500', async () => {
    await expect(inSandbox('sora-9').generate({ prompt: 'A cat' }, context())).rejects.toMatchObject({
      code: 'upstream-http',
      status: 400,
      isRefusal: true,
    })
  })
})

describe('soraPublisher', () => {
  const at = (origin: string) => ({ publisher: publisherOf(origin, SECRET), secrets: [SECRET] })
  publisherConformance({
    test,
    create: () => ({
      publisher: publisherOf(sandbox.posts.baseUrl, sandbox.posts.token),
      secrets: [sandbox.posts.token],
      requests: () => sandbox.requestsTo('posts.create').length + sandbox.requestsTo('posts.delete').length,
    }),
    async createHanging() {
      const server = await hangs()
      return { ...at(server.origin), requests: () => server.seen.length }
    },
    createFailing: async () => at((await fails()).origin),
  })

  test('a post exists, and is removed by unpublish', async () => {
    const { publication } = await published()
    expect(publication.id).toMatch(/^s_[a-f0-9]{32}$/)
    const { baseUrl, token } = sandbox.posts
    const look = async () =>
      (await fetch(`${baseUrl}/project_y/post/${publication.id}`, { headers: { authorization: `Bearer ${token}` } }))
        .status
    expect(await look()).toBe(200)
    await publisherOf(baseUrl, token).unpublish?.(publication, context())
    expect(await look()).toBe(404)
  })

  test.each<[Fault, string, boolean]>([
    [{ kind: 'reset', when: 'after-handling' }, 'network', false],
    [{ kind: 'truncated-json' }, 'upstream-response', false],
    [{ kind: 'html' }, 'upstream-response', false],
    [{ kind: 'rate-limit', retryAfterSeconds: 1 }, 'rate-limited', true],
  ])('%j is %s, retryable: %s', async (fault, code, isRetryable) => {
    sandbox.setFaults({ 'posts.create': fault })
    const { baseUrl, token } = sandbox.posts
    const publishing = publisherOf(baseUrl, token).publish({ id: 'gen_1', url: 'https://cdn.example/1.mp4' }, context())
    await expect(publishing).rejects.toMatchObject({ code, isRetryable })
  })

  test('a wrong token is reported as one', async () => {
    const publishing = publisherOf(sandbox.posts.baseUrl, 'wrong-token').publish(
      { id: 'gen_1', url: 'https://a.example' },
      context(),
    )
    await expect(publishing).rejects.toMatchObject({ code: 'authentication', status: 401 })
  })
})

describe('parseServerResolver', () => {
  const at = (origin: string) => ({ resolver: parserOf(origin, SECRET), secrets: [SECRET] })
  resolverConformance({
    test,
    create: async () => ({
      resolver: parserOf(sandbox.parser.baseUrl, sandbox.parser.token),
      input: await published(),
      secrets: [sandbox.parser.token],
      requests: () => sandbox.requestsTo('parser').length,
    }),
    async createHanging() {
      const server = await hangs()
      return { ...at(server.origin), requests: () => server.seen.length }
    },
    createFailing: async () => at((await fails()).origin),
  })

  test('a wrong token and an unknown post are distinguished', async () => {
    const input = await published()
    const { baseUrl, token } = sandbox.parser
    await expect(parserOf(baseUrl, 'wrong-token').resolve(input, context())).rejects.toMatchObject({
      code: 'authentication',
    })
    const unknown = { ...input, publication: { id: `s_${'0'.repeat(32)}` } }
    await expect(parserOf(baseUrl, token).resolve(unknown, context())).rejects.toMatchObject({
      code: 'upstream-http',
      status: 500,
    })
  })
})

describe('the whole way of the seed', () => {
  const run = (mirrors: readonly string[]) => {
    const { posts, parser } = sandbox
    const resolver = mirrors.length > 0 ? mirrorResolver({ hosts: mirrors }) : parserOf(parser.baseUrl, parser.token)
    return new SoraPipeline({
      allowPrivateAddresses: ['127.0.0.1'],
      generator: inSandbox('delta-output'),
      publisher: publisherOf(posts.baseUrl, posts.token),
      resolver,
    }).run({ prompt: 'A cat' })
  }

  test('generated, published, resolved at a mirror or by the parse server', async () => {
    for (const mirrors of [[], sandbox.mirrors]) {
      const result = await run(mirrors).result
      expect(result).toMatchObject({ servedBy: 'resolver', isDegraded: false, warnings: [] })
      expect((await fetch(result.url)).headers.get('content-type')).toBe('video/mp4')
    }
  })

  test('a publisher and a parse server that fail neither lose the video nor reveal a secret', async () => {
    sandbox.setFaults({ 'posts.create': { kind: 'reset', when: 'after-handling' } })
    const posted = sandbox.requestsTo('posts.create').length
    const going = run([])
    const events: unknown[] = []
    for await (const event of going) events.push(event)
    expect(await going.result).toMatchObject({ servedBy: 'generator', isDegraded: true })
    expect(sandbox.requestsTo('posts.create')).toHaveLength(posted + 1)
    const secrets = [sandbox.chat.apiKey, sandbox.posts.token, sandbox.parser.token]
    for (const secret of secrets) expect(inspect(events, { depth: 12 }) + JSON.stringify(events)).not.toContain(secret)
  })

  test('an unknown outcome is never paid twice, a refusal may go to the next generator', async () => {
    const second = { name: 'second', generate: async () => ({ id: 'gen_2', url: 'https://cdn.example/2.mp4' }) }
    const doubtful = new SoraPipeline({ generator: fallback(inSandbox(), second) })
    const chained = (prompt: string) => doubtful.run({ prompt }).result
    for (const word of ['no-url', 'upstream-timeout', 'generation-failed']) {
      const run = doubtful.run({ prompt: `A cat ${word}` })
      await expect(run.result).rejects.toMatchObject({ code: 'submission-unknown' })
      expect(await doubtful.get(run.id)).toMatchObject({ status: 'needs-review' })
    }
    await expect(chained('A cat moderation-blocked')).rejects.toMatchObject({ code: 'content-rejected' })
    for (const word of ['no-account', 'heavy-load', 'unsupported-country']) {
      expect(await chained(`A cat ${word}`)).toMatchObject({ video: { id: 'gen_2' } })
    }
    const { baseUrl, apiKey } = sandbox.chat
    const told = chatCompletionsGenerator({ baseUrl, apiKey, model: 'json', serverErrors: 'refused' })
    const pipeline = new SoraPipeline({ generator: fallback(told, second) })
    expect(await pipeline.run({ prompt: 'generation-failed' }).result).toMatchObject({ video: { id: 'gen_2' } })
  })
})
