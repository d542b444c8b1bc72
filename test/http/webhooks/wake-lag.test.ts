import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { createHandler, createWakeUrl, toNodeListener } from '../../../src/http/index.js'
import { SoraPipeline } from '../../../src/index.js'
import { fileStore } from '../../../src/stores/index.js'
import { videosApiGenerator } from '../../../src/strategies/index.js'
import { startScript } from '../../stores/processes.js'
import { openServerStore, type ServerKind } from '../../stores/servers/open-server-store.ts'
import { type OwnServer, startServer } from '../../stores/servers/own-server.js'
import { isPostgresSkipped } from '../../stores/servers/postgres-server.js'
import { isRedisSkipped } from '../../stores/servers/redis-server.js'
import { eventually } from '../../support/eventually.js'
import { serve } from '../node/serve.js'
import { callingProvider } from './calling-provider.js'
import type { WakeTask } from './wake-process.js'

const contentSecret = 'a-secret-of-the-tests'
const MINUTE = 60_000

it('a job whose upstream calls is seen in one round trip, not with the next poll', async () => {
  const provider = await callingProvider()
  const server = createServer()
  const { origin } = await serve(server)
  const pipeline = new SoraPipeline({
    generator: videosApiGenerator({ baseUrl: `${provider.origin}/v1`, callbackField: 'callback_url' }),
    wakeUrl: createWakeUrl({ baseUrl: `${origin}/v1`, contentSecret }),
    pollSchedule: () => MINUTE,
  })
  server.on('request', toNodeListener(createHandler(pipeline, { apiKeys: ['key'], contentSecret })))
  const run = pipeline.run({ prompt: 'A cat' })
  await eventually(async () => expect((await pipeline.get(run.id))?.progress).toMatchObject({ phase: 'in_progress' }))
  const { status, at } = await provider.finish()
  const { url } = await run.result
  expect([status, url]).toEqual([204, `${provider.origin}/a.mp4`])
  expect(provider.polls).toHaveLength(1)
  // A round trip on loopback; the bound is for a busy machine, far below the schedule.
  expect(Number(provider.polls[0]) - at).toBeLessThan(1_000)
})

describe.each<readonly [kind: 'file' | ServerKind, isSkipped: boolean]>([
  ['file', false],
  ['redis', isRedisSkipped],
  ['pg', isPostgresSkipped],
])('a run of another process, in a store of kind %s', (kind, isSkipped) => {
  let server: OwnServer | undefined
  let folder = ''

  beforeAll(async () => {
    if (kind === 'file') folder = await mkdtemp(join(tmpdir(), 'wakes-'))
    else if (!isSkipped) server = await startServer(kind)
  })
  afterAll(async () => {
    await server?.close()
    if (folder !== '') await rm(folder, { recursive: true })
  })

  it.skipIf(isSkipped)('is polled there within about a second of the webhook', async () => {
    const place = server?.place('wakes') ?? folder
    const { store, close } =
      kind === 'file'
        ? { store: fileStore({ directory: place }), close: async () => undefined }
        : await openServerStore(kind, place)
    onTestFinished(close)
    const provider = await callingProvider()
    const pipeline = new SoraPipeline({ generator: { name: 'none', generate: () => Promise.reject() }, store })
    const handler = createHandler(pipeline, { apiKeys: ['key'], contentSecret })
    const { origin } = await serve(createServer(toNodeListener(handler)))
    const task: WakeTask = { kind, place, upstream: provider.origin, backend: origin, contentSecret }
    const holder = startScript('http/webhooks/wake-process.ts', task)
    onTestFinished(() => holder.kill())
    const isAccepted = expect.objectContaining({ submission: expect.objectContaining({ state: 'accepted' }) })
    await eventually(async () => expect((await store.load('run_1'))?.state).toEqual(isAccepted))
    const { status, at } = await provider.finish()
    expect(await holder.next((line) => Array.isArray(line))).toEqual(['run_1', `${provider.origin}/a.mp4`])
    expect(status).toBe(204)
    expect(provider.polls).toHaveLength(1)
    // The holder reads the store once a second; the rest is for a busy machine. The schedule polls once a minute.
    expect(Number(provider.polls[0]) - at).toBeLessThan(5_000)
    await holder.ended
  })
})
