import { describe, expect, it } from 'vitest'
import { SoraPipeline, type TaskStatus, UpstreamHttpError } from '../../../src/index.js'
import { fakeTaskGenerator, manualClock } from '../../../src/testing/index.js'
import { collect } from '../../support/collect.js'

const http = (status: number) => new UpstreamHttpError(`Could not poll, HTTP ${status}: host`, { status })
const running: TaskStatus = { state: 'running' }

async function play(polls: readonly (TaskStatus | Error)[]) {
  const clock = manualClock()
  const generator = fakeTaskGenerator({ name: 'g', polls })
  const run = new SoraPipeline({ generator, clock, pollSchedule: () => 1000 }).run({ prompt: 'A cat' })
  const { warnings } = await clock.runUntil(run.result)
  const events = await collect(run)
  const progress = events.flatMap((event) => (event.type === 'stage-progressed' ? [event] : []))
  return { generator, warnings, progress, codes: warnings.map(({ message }) => message.match(/HTTP (\d+)/)?.[1]) }
}

describe('the warnings of a row of missed polls', () => {
  it.each<[string, readonly (TaskStatus | Error)[], readonly string[]]>([
    ['the first miss of a row', [http(500), http(502), running, http(503), http(504)], ['500', '503']],
    ['a refused credential also in the middle of a row', [http(500), http(401)], ['500', '401']],
    ['a refused credential once in the middle of rows', [http(500), http(401), http(403)], ['500', '401']],
    ['a refused credential at the start of a row', [http(401), http(403), running, http(403)], ['401', '403']],
    ['no miss after a refused credential in the same row', [http(401), http(500), http(502)], ['401']],
  ])('report %s', async (_, polls, codes) => {
    expect((await play(polls)).codes).toEqual(codes)
  })
})

describe('a missed poll', () => {
  it('is not progress', async () => {
    const { progress } = await play([{ state: 'queued' }, http(500), http(500), { state: 'running', ratio: 0.5 }])
    expect(progress.map(({ phase }) => phase)).toEqual(['queued', 'queued', 'running'])
  })
})

describe('the pollAfterMs of an answer', () => {
  it.each([0, null])('may be %s', async (pollAfterMs) => {
    expect((await play([{ ...running, pollAfterMs } as TaskStatus])).warnings).toEqual([])
  })

  it.each([
    [-1, '-1'],
    [Number.POSITIVE_INFINITY, 'Infinity'],
    ['5', '"5"'],
  ])('that is %s is a warning, once', async (pollAfterMs, text) => {
    const status = { ...running, pollAfterMs } as TaskStatus
    const { warnings, generator } = await play([status, status])
    expect(warnings).toEqual([
      {
        code: 'invalid-progress',
        message: `Could not use the progress of g: pollAfterMs is ${text}; give milliseconds from 0`,
        stage: 'generate',
      },
    ])
    expect(generator.pollCount).toBe(3)
  })
})
