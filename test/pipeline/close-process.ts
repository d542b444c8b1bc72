import { setImmediate as nextTurn } from 'node:timers/promises'
import { memoryStore, SoraPipeline } from '../../src/index.js'

// A process with a run that sleeps for an hour, that closes its pipeline and then has nothing left to do. With `hangs` its store stops to
// answer once the job is accepted, and it reports how long the process lived on.
const store = memoryStore()
const pipeline = new SoraPipeline({
  store,
  generator: {
    name: 'slow',
    start: async () => ({ operation: 'job_1' }),
    poll: async () => ({ state: 'running' }),
  },
  pollSchedule: () => 3_600_000,
})
const run = pipeline.run({ prompt: 'A cat' }, { id: 'run_1' })
for await (const event of run) if (event.type === 'stage-progressed') break
while (Object((await store.load('run_1'))?.state.submission).state !== 'accepted') await nextTurn()
if (process.argv[2] === 'hangs') {
  const never = () => new Promise<never>(() => undefined)
  Object.assign(store, { save: never, heartbeat: never, retire: never })
  const from = performance.now()
  process.once('exit', () => console.log(Math.round(performance.now() - from)))
  await pipeline.close({ graceMs: 500 })
} else await closeAndTell()

async function closeAndTell(): Promise<void> {
  await pipeline.close()
  const outcome = await run.result.then(
    () => 'completed',
    (error: { code: string }) => error.code,
  )
  console.log(outcome, (await pipeline.get('run_1'))?.status)
}
