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
