import { expect, it } from 'vitest'
import { SoraPipeline } from '../../../src/index.js'
import { SubmissionLines, type SubmissionPlace } from '../../../src/pipeline/generate/submission-lines.js'
import { manualClock } from '../../../src/testing/index.js'

const NEVER = new AbortController().signal
const generatorOf = (upstream?: string) => ({
  name: 'mock',
  ...(upstream !== undefined && { upstream }),
  start: async () => ({ operation: {} }),
  poll: async () => ({ state: 'running' as const }),
})

function filledLine(count = 12) {
  const clock = manualClock()
  const lines = new SubmissionLines(clock)
  const generator = generatorOf('https://api.example')
  const places = Array.from({ length: count }, () => lines.enter(generator) as SubmissionPlace)
  return { clock, lines, generator, places }
}

it('lets 12 submissions of an upstream in at once, whatever generator sends them', () => {
  const { lines, places } = filledLine()
  expect(places.every((place) => place !== undefined)).toBe(true)
  expect(lines.enter(generatorOf('https://api.example'))).toBeUndefined()
  expect(lines.enter(generatorOf('https://other.example'))).toBeDefined()
  expect(lines.enter(generatorOf())).toBeDefined()
})

it('lets waiting submissions in by the order of their calls, and nothing passes them', async () => {
  const { lines, generator, places } = filledLine()
  const entered: number[] = []
  for (const number of [1, 2, 3]) void lines.wait(generator, NEVER).then(() => entered.push(number))
  places[4]?.leave()
  places[4]?.leave()
  await Promise.resolve()
  expect(entered).toEqual([1])
  expect(lines.enter(generator)).toBeUndefined()
  places[5]?.leave()
  places[6]?.leave()
  await Promise.resolve()
  expect(entered).toEqual([1, 2, 3])
})

it('does not count a submission after half a second, so that slow answers delay others no longer', async () => {
  const { clock, lines, generator, places } = filledLine()
  let entered = 0
  for (let waiting = 0; waiting < 30; waiting += 1) void lines.wait(generator, NEVER).then(() => (entered += 1))
  await clock.advance(499)
  expect(entered).toBe(0)
  await clock.advance(1)
  expect(entered).toBe(12)
  for (const place of places) place.leave()
  expect(entered).toBe(12)
  await clock.advance(500)
  expect(entered).toBe(24)
  await clock.advance(500)
  expect(entered).toBe(30)
})

it('leaves the line with the reason of an abort, without taking a place', async () => {
  const { lines, generator, places } = filledLine()
  const controller = new AbortController()
  const aborted = lines.wait(generator, controller.signal)
  const next = lines.wait(generator, NEVER)
  controller.abort('enough')
  await expect(aborted).rejects.toBe('enough')
  await expect(lines.wait(generator, controller.signal)).rejects.toBe('enough')
  places[0]?.leave()
  await expect(next).resolves.toBeDefined()
})

it('counts a submission that may be accepted already without letting it wait', () => {
  const { lines, generator, places } = filledLine()
  lines.take(generator)
  places[0]?.leave()
  expect(lines.enter(generator)).toBeUndefined()
  places[1]?.leave()
  expect(lines.enter(generator)).toBeDefined()
})

it('a run that waits has sent and saved nothing, and can be cancelled', async () => {
  const answers: (() => void)[] = []
  const generator = {
    name: 'slow',
    start: () =>
      new Promise<{ operation: { id: number } }>((resolve) => {
        const id = answers.length
        answers.push(() => resolve({ operation: { id } }))
      }),
    poll: async () => ({ state: 'completed' as const, video: { id: 'v', url: 'https://cdn.example/v.mp4' } }),
  }
  const clock = manualClock()
  const pipeline = new SoraPipeline({ generator, clock, pollSchedule: () => 10 })
  const runs = Array.from({ length: 16 }, () => pipeline.run({ prompt: 'A cat' }))
  await clock.advance(100)
  expect(answers).toHaveLength(12)
  const waiting = runs.slice(12)
  for (const { id } of waiting) expect((await pipeline.get(id))?.status).toBe('running')
  await waiting[0]?.cancel('enough')
  await expect(waiting[0]?.result).rejects.toBe('enough')
  const last: unknown[] = []
  for await (const event of waiting[0] ?? []) last.push(event)
  // Nothing is left at the generator.
  expect(last.at(-1)).not.toHaveProperty('upstream')
  await clock.advance(400)
  expect(answers).toHaveLength(15)
  for (const answer of answers) answer()
  await clock.advance(1000)
  const others = runs.filter((run) => run !== waiting[0])
  await Promise.all(others.map((run) => expect(run.result).resolves.toMatchObject({ servedBy: 'generator' })))
})

it('a generator whose one call lasts as long as the video submits any number at once', async () => {
  let calls = 0
  const generate = () => {
    calls += 1
    return new Promise<never>(() => undefined)
  }
  const clock = manualClock()
  const pipeline = new SoraPipeline({ generator: { name: 'one-shot', generate }, clock })
  for (let run = 0; run < 40; run += 1) pipeline.run({ prompt: `${run}` })
  await clock.advance(10)
  expect(calls).toBe(40)
})

it('a run whose deadline passes in the line was never sent', async () => {
  const sent: string[] = []
  const generator = {
    name: 'slow',
    start: async ({ prompt }: { readonly prompt: string }) => {
      sent.push(prompt)
      return new Promise<never>(() => undefined)
    },
    poll: async () => ({ state: 'running' as const }),
  }
  const clock = manualClock()
  const pipeline = new SoraPipeline({ generator, clock, deadlines: { generateMs: 300 } })
  const runs = Array.from({ length: 13 }, (_, index) => pipeline.run({ prompt: `${index}` }))
  const failed = expect(runs[12]?.result).rejects.toMatchObject({ code: 'stage-timeout', isRetryable: true })
  await clock.advance(300)
  await failed
  expect(sent).toHaveLength(12)
})
