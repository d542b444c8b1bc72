import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import OpenAI from 'openai'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { createHandler, toNodeListener } from '../../src/http/index.js'
import { SoraPipeline } from '../../src/index.js'
import { type Sandbox, startSandbox } from '../../src/sandbox/index.js'
import { chatCompletionsGenerator, directoryUploader, videosApiGenerator } from '../../src/strategies/index.js'
import { isLiteLlmSkipped, type LiteLlmServer, startLiteLlm } from './litellm-server.js'

const title = `LiteLLM${isLiteLlmSkipped ? ' (skipped: run test/litellm/setup.sh)' : ''}`
const KEY = 'canary-key-of-the-backend'
const PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='

describe.skipIf(isLiteLlmSkipped)(title, { timeout: 60_000 }, () => {
  let sandbox: Sandbox
  let backend: Awaited<ReturnType<typeof startBackend>>
  let atBackend: LiteLlmServer
  let atSandbox: LiteLlmServer
  let atChat: LiteLlmServer

  beforeAll(async () => {
    sandbox = await startSandbox({ speed: 20 })
    backend = await startBackend(sandbox)
    atBackend = await startLiteLlm({ baseUrl: backend.baseUrl, apiKey: KEY })
    atSandbox = await startLiteLlm(sandbox.videosApi)
    atChat = await startLiteLlm(sandbox.chat)
  }, 400_000)

  afterAll(async () => {
    await Promise.all([atBackend?.close(), atSandbox?.close(), atChat?.close()])
    await backend?.close()
    await sandbox?.close()
  })

  const creates = () => sandbox.requestsTo('videos.create').length

  it('in front of the handler creates, polls and downloads a video of one job', async () => {
    const paid = creates()
    const { baseUrl: baseURL, apiKey } = atBackend
    const client = new OpenAI({ baseURL, apiKey, maxRetries: 0 })
    const { id } = await client.videos.create({ model: 'sora-2', prompt: 'A cat playing piano' })
    await expect.poll(async () => (await client.videos.retrieve(id)).status, { timeout: 30_000 }).toBe('completed')
    const content = await client.videos.downloadContent(id)
    const bytes = Buffer.from(await content.arrayBuffer())
    expect(bytes.subarray(4, 8).toString()).toBe('ftyp')
    expect(creates() - paid).toBe(1)
  })

  it('in front of the handler streams a chat with its progress and its answer', async () => {
    const { baseUrl: baseURL, apiKey } = atBackend
    const client = new OpenAI({ baseURL, apiKey, maxRetries: 0 })
    const messages = [{ role: 'user', content: 'A dog in the rain' }] as const
    const stream = await client.chat.completions.create({ model: 'sora-2', messages: [...messages], stream: true })
    const texts: string[] = []
    for await (const { choices } of stream) texts.push(choices[0]?.delta.content ?? '')
    expect(texts.length).toBeGreaterThan(3)
    expect(texts.join('')).toMatch(/https:\/\/videos\.example\/[\w.-]+$/)
  })

  it.each([
    ['a prompt', {}],
    ['an image', { image: { bytes: Buffer.from(PNG, 'base64'), mediaType: 'image/png' } }],
  ])('as the upstream makes one job of %s, whose bytes arrive', async (_, input) => {
    const paid = creates()
    const directory = await mkdtemp(join(tmpdir(), 'litellm-videos-'))
    onTestFinished(() => rm(directory, { recursive: true }))
    const { baseUrl, apiKey } = atSandbox
    const pipeline = new SoraPipeline({
      generator: videosApiGenerator({ baseUrl, apiKey, model: 'sora-2' }),
      uploader: directoryUploader({ directory, publicBaseUrl: 'https://videos.example/' }),
    })
    const { uploaded, isDegraded, usage } = await pipeline.generate({ prompt: 'A bird', durationSeconds: 4, ...input })
    expect(isDegraded).toBe(false)
    // LiteLLM prices the job when it is submitted, by its list of models.
    expect(usage).toEqual({ cost: { amount: expect.closeTo(0.4), currency: 'USD' }, seconds: 4 })
    const bytes = await readFile(join(directory, decodeURIComponent(uploaded?.url.split('/').at(-1) ?? '')))
    expect(bytes.subarray(4, 8).toString()).toBe('ftyp')
    expect(creates() - paid).toBe(1)
  })

  it('as the upstream submits once when its own upstream fails', async () => {
    sandbox.setFaults({ 'videos.create': [{ kind: 'status', status: 500 }] })
    onTestFinished(() => sandbox.clearFaults())
    const paid = creates()
    const { baseUrl, apiKey } = atSandbox
    const pipeline = new SoraPipeline({ generator: videosApiGenerator({ baseUrl, apiKey, model: 'sora-2' }) })
    await expect(pipeline.generate({ prompt: 'A whale' })).rejects.toMatchObject({ code: 'submission-unknown' })
    expect(creates() - paid).toBe(1)
  })

  it('as the chat upstream submits once when its own upstream fails', async () => {
    sandbox.setFaults({ chat: { kind: 'status', status: 500 } })
    onTestFinished(() => sandbox.clearFaults())
    const { baseUrl, apiKey } = atChat
    const pipeline = new SoraPipeline({ generator: chatCompletionsGenerator({ baseUrl, apiKey, model: 'sora-2' }) })
    await expect(pipeline.generate({ prompt: 'A whale' })).rejects.toMatchObject({ code: 'submission-unknown' })
    expect(sandbox.requestsTo('chat')).toHaveLength(1)
  })
})

/** A backend of this library over the sandbox, which keeps its videos in a folder. */
async function startBackend(sandbox: Sandbox) {
  const directory = await mkdtemp(join(tmpdir(), 'litellm-backend-'))
  const pipeline = new SoraPipeline({
    generator: videosApiGenerator({ ...sandbox.videosApi, model: 'sora-2' }),
    uploader: directoryUploader({ directory, publicBaseUrl: 'https://videos.example/' }),
  })
  const handler = createHandler(pipeline, { apiKeys: [KEY], models: ['sora-2'] })
  const server = createServer(toNodeListener(handler)).listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  return {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      await pipeline.close()
      await rm(directory, { recursive: true })
    },
  }
}
