import { describe, expect, it } from 'vitest'
import { FencedError, memoryStore } from '../../../src/index.js'
import { TimedStore } from '../../../src/pipeline/journal/timed-store.js'
import { manualClock } from '../../../src/testing/index.js'
import { recordedStore } from './recorded-store.js'

const LIMIT_MS = 10_000
const ENDED_MS = -5000

type Answer = 'answers' | 'hangs' | Error

/** A run whose store answers as `load` and `due` say; a few seconds have passed in this process. */
async function world(leftMs: number) {
  const clock = manualClock()
  await clock.advance(20_000)
  const answers: Record<'load' | 'due', Answer> = { load: 'answers', due: 'answers' }
  const reply = async <T>(method: 'load' | 'due', value: T) => {
    const answer = answers[method]
    if (answer === 'hangs') await new Promise(() => {})
    if (answer instanceof Error) throw answer
    return value
  }
  const { store: rawStore } = recordedStore(memoryStore(), {
    load: () => reply('load', undefined),
    due: () => reply('due', []),
  })
  const timed = new TimedStore({ rawStore, clock, storeTimeoutMs: LIMIT_MS }, () => leftMs)

  /** How long one call takes to give up; 0 when it is answered. */
  const callMs = async (call: () => Promise<unknown>) => {
    const from = clock.monotonic()
    await clock.runUntil(call().catch(() => undefined))
    return clock.monotonic() - from
  }
  const load = (answer: Answer = 'hangs') => {
    answers.load = answer
    return callMs(() => timed.store.load('run_1'))
  }
  const due = (answer: Answer = 'hangs') => {
    answers.due = answer
    return callMs(() => timed.store.due(0, 1))
  }
  return { clock, timed, load, due, callMs }
}

describe('one operation of the store', () => {
  it.each([
    ['without a deadline', Number.POSITIVE_INFINITY, LIMIT_MS],
    ['long before the deadline', 60_000, LIMIT_MS],
    ['near the deadline', 4000, 5000],
    ['at the deadline', 0, 1000],
    ['after the deadline', ENDED_MS, 1000],
  ])('%s, with %s ms left, has %s ms to answer', async (_, leftMs, limitMs) => {
    const { load } = await world(leftMs)
    expect(await load()).toBe(limitMs)
    const other = await world(leftMs)
    const waiting = other.timed.wait('putMedia', () => new Promise(() => {}))
    await expect(other.clock.runUntil(waiting)).rejects.toMatchObject({
      code: 'run-state',
      isRetryable: true,
      message: `Could not putMedia in the store, no answer within: ${limitMs} ms`,
    })
  })

  it('is given less after an abort, and the first end counts', async () => {
    const { timed, clock, load } = await world(Number.POSITIVE_INFINITY)
    timed.endBy(clock.monotonic() + 3000)
    timed.endBy(clock.monotonic() + 8000)
    expect(await load()).toBe(3000)
  })
})

describe('after the end of a run', () => {
  it('a store that hung is given a tenth of a second, until it answers', async () => {
    const { load } = await world(ENDED_MS)
    const times = [await load(), await load(), await load('answers'), await load()]
    expect(times).toEqual([1000, 100, 0, 1000])
  })

  it('a store that refuses at once does not count as one that hangs', async () => {
    const { load } = await world(ENDED_MS)
    expect([await load(new Error('connect ECONNREFUSED')), await load()]).toEqual([0, 1000])
  })

  it('the answer of another operation proves nothing about the one that hung', async () => {
    const { load, due } = await world(ENDED_MS)
    expect([await load(), await due('answers'), await due(), await load()]).toEqual([1000, 0, 100, 100])
  })

  it('an operation beside the store counts like one of it', async () => {
    const { timed, callMs, load } = await world(ENDED_MS)
    const hang = () => callMs(() => timed.wait('save', () => new Promise(() => {})))
    expect([await hang(), await load(), await hang()]).toEqual([1000, 100, 100])
  })
})

describe('what can wait', () => {
  const fail = () => Promise.reject(new Error('connect ECONNREFUSED'))

  /** How long the store rests after an act. */
  async function restAfter({ timed, clock }: Awaited<ReturnType<typeof world>>, act: () => Promise<void>) {
    await clock.runUntil(timed.paced(act).catch(() => undefined))
    let restMs = 0
    for (; timed.isResting(); restMs += 100) await clock.advance(100)
    return restMs
  }

  it('waits twice as long after each failure, up to eight seconds, and not after a success', async () => {
    const run = await world(Number.POSITIVE_INFINITY)
    const rests: number[] = []
    for (const act of [fail, fail, fail, fail, fail, async () => {}, fail]) rests.push(await restAfter(run, act))
    expect(rests).toEqual([1000, 2000, 4000, 8000, 8000, 0, 1000])
  })

  it('waits twice as long as the store hung', async () => {
    const run = await world(Number.POSITIVE_INFINITY)
    const hang = async () => {
      await run.clock.sleep(6000)
      await fail()
    }
    expect(await restAfter(run, hang)).toBe(12_000)
  })

  it('does not wait after a lost race, which is an answer', async () => {
    const run = await world(Number.POSITIVE_INFINITY)
    const error = new FencedError('Could not save the run, version 1 is not the newest: run_1')
    await expect(run.timed.paced(() => Promise.reject(error))).rejects.toBe(error)
    expect(run.timed.isResting()).toBe(false)
  })

  it('reports the error of the store', async () => {
    const { timed } = await world(Number.POSITIVE_INFINITY)
    await expect(timed.paced(fail)).rejects.toThrow('connect ECONNREFUSED')
    expect(timed.isResting()).toBe(true)
  })
})

describe('an operation starts', () => {
  const timersOf = async (hasOwnStore: boolean) => {
    const clock = manualClock()
    let timers = 0
    const counted: typeof clock = {
      ...clock,
      sleep(...given) {
        timers += 1
        return clock.sleep(...given)
      },
    }
    const options = { rawStore: memoryStore(), hasOwnStore, clock: counted, storeTimeoutMs: LIMIT_MS }
    const timed = new TimedStore(options, () => Number.POSITIVE_INFINITY)
    expect(await timed.store.load('run_1')).toBeUndefined()
    expect(await timed.wait('due', async () => 'due')).toBe('due')
    return timers
  }

  it('a timer for a store that may hang', async () => expect(await timersOf(false)).toBe(2))
  it('none for the store that the pipeline made itself', async () => expect(await timersOf(true)).toBe(0))
})
