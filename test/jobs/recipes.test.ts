import { Pool } from 'pg'
import { PgBoss } from 'pg-boss'
import { followRun, memoryStore, SoraPipeline } from 'sora-pipeline'
import { postgresStore } from 'sora-pipeline/stores'
import { fakeTaskGenerator } from 'sora-pipeline/testing'
import { expect, it, onTestFinished } from 'vitest'
import { cronRoute } from '../../examples/queues/cron-route.js'
import { startRun, work } from '../../examples/queues/pg-boss.js'
import { isPostgresSkipped, startPostgres } from '../stores/servers/postgres-server.js'

it.skipIf(isPostgresSkipped)(
  'pg-boss advances runs to their end, also one that has no job, and pays once for each',
  async () => {
    const server = await startPostgres()
    const pool = new Pool(server.config)
    const store = postgresStore({ pool })
    await store.migrate()
    const boss = new PgBoss(server.config)
    boss.on('error', () => undefined)
    await boss.start()
    const generator = fakeTaskGenerator({ polls: 2 })
    const pipeline = new SoraPipeline({ generator, store, pollSchedule: () => 200 })
    const stop = await work(boss, pipeline)
    onTestFinished(async () => {
      await stop()
      await pipeline.close()
      await boss.stop({ graceful: false })
      await pool.end()
      await server.close()
    })
    const ids = ['boss-1', 'boss-2', 'boss-3']
    await Promise.all(ids.map((id) => startRun(boss, pipeline, { prompt: 'A cat' }, id)))
    await pipeline.create({ prompt: 'A cat' }, { id: 'forgotten' })
    const results = await Promise.all([...ids, 'forgotten'].map((id) => followRun(store, id).result))
    expect(results.map(({ runId }) => runId)).toEqual([...ids, 'forgotten'])
    expect(generator.startCount).toBe(4)
  },
  120_000,
)

it('the cron route advances what is due, and refuses callers without its secret', async () => {
  const generator = fakeTaskGenerator()
  const pipeline = new SoraPipeline({ generator, store: memoryStore(), pollSchedule: () => 10 })
  const route = cronRoute(pipeline, 'a-secret', 1500)
  expect((await route(new Request('http://cron/'))).status).toBe(401)
  const { id } = await pipeline.create({ prompt: 'A cat' })
  const headers = { authorization: 'Bearer a-secret' }
  const answer = await route(new Request('http://cron/', { headers }))
  expect(await answer.json()).toEqual({ steps: expect.any(Number) })
  expect(await pipeline.get(id)).toMatchObject({ status: 'completed' })
})
