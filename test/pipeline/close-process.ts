import { memoryStore, SoraPipeline } from '../../src/index.js'

// A process with a run that sleeps for an hour, that closes its pipeline and then has nothing left to do.
const pipeline = new SoraPipeline({
  store: memoryStore(),
  generator: {
    name: 'slow',
    start: async () => ({ operation: 'job_1' }),
    poll: async () => ({ state: 'running' }),
  },
  pollSchedule: () => 3_600_000,
})
const run = pipeline.run({ prompt: 'A cat' }, { id: 'run_1' })
for await (const event of run) if (event.type === 'stage-progressed') break
// The job is saved by now or within a moment.
await new Promise((resolve) => setTimeout(resolve, 100))
await pipeline.close()
const outcome = await run.result.then(
  () => 'completed',
  (error: { code: string }) => error.code,
)
console.log(outcome, (await pipeline.get('run_1'))?.status)
