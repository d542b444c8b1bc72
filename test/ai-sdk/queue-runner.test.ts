import { createHash } from 'node:crypto'
import { experimental_generateVideo, experimental_getVideoStatus, experimental_startVideo } from 'ai'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { toVideoModel } from '../../src/ai-sdk/index.js'
import { SoraPipeline } from '../../src/index.js'
import { createQueueRunner, createWorker } from '../../src/jobs/index.js'
import { memoryVideo } from '../../src/strategies/index.js'
import { fakeTaskGenerator, fakeUploader } from '../../src/testing/index.js'
import { type QueueServer, startQueueServer } from '../jobs/queue-server.js'
import { isRedisSkipped } from '../stores/servers/redis-server.js'
import { videoBytes } from '../upstream/loopback-server.js'

const VIDEO = videoBytes(70_000)
const poll = { intervalMs: 20 }

describe.skipIf(isRedisSkipped)('toVideoModel over a queue on Redis', () => {
  let server: QueueServer
  beforeAll(async () => {
    server = await startQueueServer('Redis')
  })
  afterAll(() => server?.close())

  /** Two machines that take calls, and the options of those that work. */
  async function setUp(name: string, options: { readonly uploader?: ReturnType<typeof fakeUploader> } = {}) {
    const { store, at } = await server.site(name)
    const generator = fakeTaskGenerator({ polls: 3, video: { id: 'gen_1', source: memoryVideo(VIDEO) } })
    const shared = { generator, store, pollSchedule: () => 50, ...options }
    const runners = [1, 2].map(() => createQueueRunner(new SoraPipeline(shared), at)) as [Runner, Runner]
    const work = async () => {
      const worker = createWorker(new SoraPipeline(shared), at)
      await worker.ready
      return worker
    }
    const close = () => Promise.all(runners.map((runner) => runner.close()))
    return { generator, runners, work, close }
  }
  type Runner = ReturnType<typeof createQueueRunner>

  it('gives the bytes of a video that a worker made, behind a key as well', async () => {
    const { generator, runners, work, close } = await setUp('bytes')
    await using _worker = await work()
    const result = await experimental_generateVideo({ model: toVideoModel(runners[0]), prompt: 'A cat', poll })
    const digest = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
    expect(digest(result.video.uint8Array)).toBe(digest(VIDEO))
    expect(generator.startCount).toBe(1)
    await close()
  })

  it('is started on one machine and polled on another, also with a worker that starts late', async () => {
    const uploader = fakeUploader()
    const { generator, runners, work, close } = await setUp('two', { uploader })
    const [first, second] = runners.map((runner) => toVideoModel(runner, { deliver: 'url' }))
    if (first === undefined || second === undefined) throw new Error('two models')
    const headers = { 'idempotency-key': 'order-42' }
    const { operation } = await experimental_startVideo({ model: first, prompt: 'A cat', headers })
    expect(operation).toEqual({ runId: 'order-42' })
    expect(await experimental_getVideoStatus(second, { operation })).toMatchObject({ status: 'pending' })
    expect(generator.startCount).toBe(0)
    await using _worker = await work()
    const status = () => experimental_getVideoStatus(second, { operation })
    await expect.poll(status, { timeout: 20_000 }).toMatchObject({ status: 'completed' })
    expect(await status()).toMatchObject({
      videos: [{ type: 'url', url: expect.stringMatching(/^https:/) }],
      providerMetadata: { 'sora-pipeline': { runId: 'order-42', servedBy: 'uploader' } },
    })
    await close()
  })

  it('pays once for calls with one key on two machines at the same time', async () => {
    const { generator, runners, work, close } = await setUp('once')
    await using _worker = await work()
    const headers = { 'idempotency-key': 'order-43' }
    const calls = runners.map((runner) =>
      experimental_generateVideo({ model: toVideoModel(runner), prompt: 'A cat', headers, poll }),
    )
    const results = await Promise.all(calls)
    expect(results.map(({ video }) => video.uint8Array.length)).toEqual([VIDEO.length, VIDEO.length])
    expect(generator.startCount).toBe(1)
    const other = experimental_startVideo({ model: toVideoModel(runners[1]), prompt: 'A dog', headers, maxRetries: 0 })
    await expect(other).rejects.toThrow(/belongs to a different request|different request/)
    expect(generator.startCount).toBe(1)
    await close()
  })

  it('reports a failed run as an error', async () => {
    const { store, at } = await server.site('failed')
    const generator = fakeTaskGenerator({ polls: [{ state: 'failed', error: new Error('no') as never }] })
    const shared = { generator, store, pollSchedule: () => 50 }
    await using runner = createQueueRunner(new SoraPipeline(shared), at)
    await using worker = createWorker(new SoraPipeline(shared), at)
    await worker.ready
    const call = experimental_generateVideo({ model: toVideoModel(runner), prompt: 'A cat', poll })
    await expect(call).rejects.toThrow()
    expect(generator.startCount).toBe(1)
  })
})
