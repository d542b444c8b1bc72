import { describe, expect, it } from 'vitest'
import { memoryStore, SoraPipeline, type TaskGenerator, type VideoRequest } from '../../../../src/index.js'
import { videoModelGenerator } from '../../../../src/strategies/index.js'
import { fakeContext, fakeUploader, generatorConformance } from '../../../../src/testing/index.js'
import { loopbackServer } from '../../../upstream/loopback-server.js'
import { KEY, PROVIDERS, type Provider, providerServer, VIDEO } from './provider-server.js'

const REQUEST: VideoRequest = { prompt: 'A cat playing piano' }
const downloadHeaders = (url: URL) =>
  url.pathname.startsWith('/keyed/') ? { authorization: `Bearer ${KEY}` } : undefined

// One-shot models wait for their own polls.
const providerOptions = { bytedance: { pollIntervalMs: 10 } }

function generatorAt(provider: Provider, origin: string) {
  return videoModelGenerator(provider.model(origin), {
    allowPrivateAddresses: [new URL(origin).host],
    downloadHeaders,
    providerOptions,
  })
}

describe.each(Object.entries(PROVIDERS))('%s', (_, provider) => {
  it('runs through a pipeline with one create, which carries the key of the submission', async () => {
    const server = await providerServer(provider)
    const store = memoryStore()
    const uploader = fakeUploader()
    const generator = generatorAt(provider, server.origin)
    const pipeline = new SoraPipeline({ generator, uploader, store, pollSchedule: () => 10 })
    const run = pipeline.run(REQUEST, { id: 'run_1' })
    const events: unknown[] = []
    for await (const event of run) events.push(event)
    const result = await run.result
    expect(server.creates()).toHaveLength(1)
    expect(server.creates()[0]?.headers['idempotency-key']).toMatch(/^sora_[0-9a-f]+$/)
    expect(server.creates()[0]?.headers['x-litellm-num-retries']).toBe('0')
    expect(result).toMatchObject({ servedBy: 'uploader', warnings: [] })
    const source = uploader.calls[0]?.input
    expect(Buffer.from(await new Response(await source?.open()).arrayBuffer())).toEqual(VIDEO)
    expect(source?.isPublic).toBe(provider.needsKey !== true && provider.options !== 'gateway')
    const kept = JSON.stringify([events, result, await store.load('run_1'), source?.url])
    expect(kept).not.toContain(KEY)
    await pipeline.close()
  })

  it('is a task if it can be polled', async () => {
    const { origin } = await providerServer(provider)
    const generator = generatorAt(provider, origin)
    expect('start' in generator).toBe(provider.isOneShot !== true)
    if (!('start' in generator)) return
    const idempotency = provider.options === 'gateway' ? 'key' : 'none'
    expect(generator.submission).toEqual({ idempotency, lookup: 'none' })
  })

  generatorConformance({
    test: it,
    async create() {
      const server = await providerServer(provider)
      const requests = () => server.seen.length
      return { generator: generatorAt(provider, server.origin), secrets: [KEY], requests }
    },
    async createHanging() {
      const server = await loopbackServer(() => undefined)
      const requests = () => server.seen.length
      return { generator: generatorAt(provider, server.origin), secrets: [KEY], requests }
    },
    async createFailing() {
      const server = await loopbackServer((sent, answer) => {
        answer.writeHead(503).end(JSON.stringify([sent.headers.authorization, sent.headers['x-key']]))
      })
      return { generator: generatorAt(provider, server.origin), secrets: [KEY] }
    },
  })
})

const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==',
  'base64',
)
// A file of its own for each field: bytes after the picture do not matter.
const picture = (mark: string) => ({ bytes: Buffer.concat([PNG, Buffer.from(mark)]), mediaType: 'image/png' })
const FURTHER_MODELS = [
  ['xai', 'grok-imagine-video-1.5'],
  ['minimax', 'MiniMax-H3-Max'],
  ...(['wan2.6-t2v', 'wan2.6-r2v', 'wan2.7-t2v', 'wan2.7-i2v', 'wan2.7-r2v', 'wan3-video'] as const).map(
    (model) => ['alibaba', model] as const,
  ),
] as const

describe.each([...Object.keys(PROVIDERS).map((name) => [name, undefined] as const), ...FURTHER_MODELS])(
  'the package of %s with %s',
  (name, model) => {
    const provider = PROVIDERS[name] as Provider
    const [image, lastFrame, one, two] = ['image', 'last', 'one', 'two'].map(picture)
    const pairs = { image, lastFrame, references: [one, two] } as Partial<VideoRequest>
    const requests: readonly (readonly ('image' | 'lastFrame' | 'references')[])[] = [
      ...(['image', 'lastFrame', 'references'] as const).map((field) => [field]),
      ...[['image', 'lastFrame'] as const, ['image', 'references'] as const],
    ]

    async function sentOf(request: Partial<VideoRequest>) {
      const server = await providerServer(provider)
      const generator = videoModelGenerator(provider.model(server.origin, model), {
        allowPrivateAddresses: [new URL(server.origin).host],
        providerOptions,
      })
      const context = fakeContext()
      const given = { ...REQUEST, ...request }
      const call = 'start' in generator ? generator.start(given, context) : generator.generate(given, context)
      const failure: unknown = await call.catch((error: unknown) => error)
      const [create] = server.creates()
      const warned = context.warnings.map(({ message }) => message)
      return { body: create === undefined ? undefined : String(create.body), failure, warned }
    }

    it.each(requests.map((fields) => [fields.join(' and '), fields] as const))(
      'sends %s, or refuses it before anything is paid',
      async (_, fields) => {
        const asked = Object.fromEntries(fields.map((field) => [field, pairs[field]])) as Partial<VideoRequest>
        const { body, failure, warned } = await sentOf(asked)
        if (body === undefined) {
          expect(failure).toMatchObject({ code: 'request-invalid' })
          return
        }
        const files = fields.flatMap((field) => pairs[field]).map((file) => Object(file).bytes.toString('base64'))
        expect(files.filter((file) => !body.includes(file))).toEqual([])
        expect(warned).toEqual([])
      },
    )

    it('sends a seed of 0, or warns of it', async () => {
      const { body, warned } = await sentOf({ seed: 0 })
      expect([/"seed":0/.test(body ?? ''), warned.some((message) => /seed/.test(message))]).toContain(true)
    })

    it.each(['720x1280', '1080x1920'] as const)('keeps the orientation of %s', async (size) => {
      const { body, warned } = await sentOf({ size })
      const isShown = /"9:16"|720[x*]1280|1080[x*]1920/.test(body ?? '')
      // Models that take an image and no ratio.
      expect([isShown, model?.endsWith('-i2v') ?? name === 'alibaba']).toContain(true)
      expect(warned.filter((message) => /aspect/i.test(message))).toEqual([])
    })
  },
)

const TASKS = Object.entries(PROVIDERS).filter(([, { isOneShot }]) => isOneShot !== true)

describe.each(TASKS)('a job of %s', (_, provider) => {
  it('continues in another process with one create', async () => {
    const pending = provider.pending
    const server = await providerServer(provider, { polls: [pending, pending, provider.completed] })
    const store = memoryStore()
    const start = (intervalMs: number) =>
      new SoraPipeline({
        generator: generatorAt(provider, server.origin),
        uploader: fakeUploader(),
        store,
        pollSchedule: () => intervalMs,
      })
    const first = start(100)
    first.run(REQUEST, { id: 'run_1' })
    await expect.poll(() => server.pollCount()).toBeGreaterThan(0)
    await first.close()
    const { servedBy } = await start(5).resume('run_1').result
    expect([servedBy, server.creates().length]).toEqual(['uploader', 1])
  })
})

describe.each(TASKS.filter(([name]) => /^(?:fal|replicate|minimax|gateway)/.test(name)))('%s', (_, provider) => {
  it('passes on the address to call back', async () => {
    const server = await providerServer(provider)
    const generator = videoModelGenerator(provider.model(server.origin), { callback: true }) as TaskGenerator
    const callbackUrl = 'https://video.example/v1/wake/t'
    await generator.start(REQUEST, fakeContext({ callbackUrl }))
    const [create] = server.creates()
    expect(decodeURIComponent(`${create?.url} ${create?.body}`)).toContain(callbackUrl)
  })
})
