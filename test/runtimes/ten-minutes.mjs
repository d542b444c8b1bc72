import { SoraPipeline } from 'sora-pipeline'
import { fakeTaskGenerator, fakeUploader, manualClock } from 'sora-pipeline/testing'

const options = () => ({
  generator: fakeTaskGenerator({ polls: 100 }),
  uploader: fakeUploader(),
  pollSchedule: () => 6000,
})

/** How long a run takes by a manual clock, in milliseconds. */
export async function byManualClock() {
  const clock = manualClock()
  const run = new SoraPipeline({ ...options(), clock }).run({ prompt: 'A cat' })
  return (await clock.runUntil(run.result)).durationMs
}

/** The same by the timers of the process, which `advance` moves; `undefined` where the run has not ended after an hour of them. */
export async function byTimers(advance) {
  const run = new SoraPipeline(options()).run({ prompt: 'A cat' })
  let durationMs
  const ended = run.result.then(
    (result) => {
      durationMs = result.durationMs
    },
    () => undefined,
  )
  for (let polls = 0; polls < 600 && durationMs === undefined; polls += 1) await advance(6000)
  run.cancel()
  await ended
  return durationMs
}
