import { createPostgresBackend } from 'bullmq'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { SoraPipeline } from '../../src/index.js'
import { createQueueRunner } from '../../src/jobs/index.js'
import { fakeTaskGenerator } from '../../src/testing/index.js'
import { type ScriptProcess, startScript } from '../stores/processes.js'
import { openServerStore, type ServerPlace } from '../stores/servers/open-server-store.js'
import { type OwnServer, startServer } from '../stores/servers/own-server.js'
import { isPostgresSkipped } from '../stores/servers/postgres-server.js'
import { isRedisSkipped } from '../stores/servers/redis-server.js'
import { eventually } from '../support/eventually.js'
import { startCountingUpstream } from './counting-upstream.js'
import type { LimitsTask } from './limits-process.js'

const JOB_MS = 400
const LEASE_MS = 3000

describe.each([
  ['ioredis', isRedisSkipped],
  ['pg', isPostgresSkipped],
] as const)('processes that share limits over %s', (kind, isSkipped) => {
  let server: OwnServer
  beforeAll(async () => {
    if (!isSkipped) server = await startServer(kind)
  })
  afterAll(() => server?.close())

  it.skipIf(isSkipped)(
    'have no more jobs open than the limit, also when a worker is killed, and hold no place in a worker meanwhile',
    async () => {
      const { upstream, runner, startProcess } = await site('workers', { concurrency: 2, leaseMs: LEASE_MS })
      const runs = Array.from({ length: 8 }, (_, index) => runner.run({ prompt: `Prompt ${index}` }))
      const first = startProcess('worker')
      startProcess('worker')
      await eventually(() => expect(upstream.jobs.length).toBeGreaterThan(2))
      await first.kill()
      await Promise.all(runs.map(({ result }) => result))
      expect(upstream.most).toBe(2)
      const paid = upstream.jobs.map(({ prompt }) => prompt)
      expect(paid).toHaveLength(new Set(paid).size)
      expect(paid).toHaveLength(8)
    },
    60_000,
  )

  it.skipIf(isSkipped)(
    'start no more jobs within a time than the rate',
    async () => {
      const { upstream, runner, startProcess } = await site('rate', { rate: { jobs: 2, perMs: 1000 } })
      const startedAt = Date.now()
      const runs = Array.from({ length: 6 }, (_, index) => runner.run({ prompt: `Prompt ${index}` }))
      for (let worker = 0; worker < 2; worker += 1) startProcess('worker')
      await Promise.all(runs.map(({ result }) => result))
      expect(upstream.jobs).toHaveLength(6)
      // Two at once, two a second later, and two another second later.
      expect(Number(upstream.jobs.at(-1)?.createdAt)).toBeGreaterThanOrEqual(startedAt + 2000)
    },
    60_000,
  )

  it.skipIf(isSkipped)(
    'get the place of a killed process after its lease',
    async () => {
      const { upstream, startProcess } = await site('killed', { concurrency: 1, leaseMs: LEASE_MS })
      const first = startProcess('resident', ['endless'])
      await eventually(() => expect(upstream.jobs).toHaveLength(1))
      const second = startProcess('resident', ['next'])
      await second.next((told) => Object(told).ready === true)
      await first.kill()
      const killedAt = Date.now()
      await second.next((told) => Object(told).done === 'next')
      // The last extension was at most a third of the lease before the kill.
      expect(Number(upstream.jobs[1]?.createdAt)).toBeGreaterThanOrEqual(killedAt + LEASE_MS / 2)
    },
    60_000,
  )

  it.skipIf(isSkipped)(
    'leave a generator while its upstream asked one of them to wait',
    async () => {
      const { upstream, store, startProcess } = await site('cooling', { concurrency: 9 })
      upstream.refuseNext(3)
      const startedAt = Date.now()
      const first = startProcess('resident', ['refused'])
      await first.next((told) => Object(told).failed === 'refused')
      // The process that was refused reports it to the store.
      await eventually(async () => {
        const { isTaken } = await store.takeSlot('generator:counted', 'test', { most: 9, ttlMs: 1 })
        expect(isTaken).toBe(false)
      })
      const second = startProcess('resident', ['patient'])
      await second.next((told) => Object(told).done === 'patient')
      expect(upstream.refused).toBe(1)
      expect(Number(upstream.jobs[0]?.createdAt)).toBeGreaterThanOrEqual(startedAt + 3000)
    },
    60_000,
  )

  /** An upstream, a store, and processes that share them. */
  async function site(name: string, limits: LimitsTask['limits']) {
    const upstream = await startCountingUpstream(JOB_MS)
    const place = server.place(name)
    const { client } = JSON.parse(place) as ServerPlace
    const { store, close } = await openServerStore(kind, place)
    const queue =
      kind === 'pg'
        ? { connection: { ...client, schema: `queue_${name}`, migrate: true }, backend: createPostgresBackend }
        : { connection: client, prefix: name }
    const pipeline = new SoraPipeline({ generator: fakeTaskGenerator({ name: 'counted' }), store })
    const runner = createQueueRunner(pipeline, { ...queue, queueName: 'runs', onError: () => undefined })
    const processes: ScriptProcess[] = []
    onTestFinished(async () => {
      await Promise.all(processes.map((process) => process.kill()))
      await runner.close()
      await close()
      await upstream.close()
    })
    await runner.ready
    const startProcess = (role: LimitsTask['role'], prompts: readonly string[] = []): ScriptProcess => {
      const task: LimitsTask = { role, kind, place, origin: upstream.origin, limits, prompts }
      const process = startScript('jobs/limits-process.ts', task)
      processes.push(process)
      return process
    }
    return { upstream, store, runner, startProcess }
  }
})
