import { expect, test } from 'vitest'
import { SilenceTimer, silenceTimer } from '../../src/openai/silence-timer.js'
import { manualClock } from '../../src/testing/index.js'

/** A stream that is woken again and again, and when. */
function silentStream(timer: SilenceTimer, everyMs: number) {
  const wokenAt: number[] = []
  const stream = {
    everyMs,
    dueAt: timer.now() + everyMs,
    wake() {
      wokenAt.push(timer.now())
      stream.dueAt = timer.now() + everyMs
      timer.follow(stream)
    },
  }
  return { stream, wokenAt }
}

test('a thousand streams are one sleep of the clock, and none when none is left', async () => {
  const clock = manualClock()
  const timer = new SilenceTimer(clock)
  const streams = Array.from({ length: 1000 }, () => silentStream(timer, 5000))
  for (const { stream } of streams) timer.follow(stream)
  await clock.advance(0)
  expect(clock.pending).toBe(1)
  await clock.advance(5000)
  expect(streams.every(({ wokenAt }) => wokenAt.length === 1)).toBe(true)
  expect(clock.pending).toBe(1)
  for (const { stream } of streams) timer.leave(stream)
  await clock.advance(0)
  expect(clock.pending).toBe(0)
})

test('a stream is never woken early, and late by a sixteenth of its interval at most', async () => {
  const clock = manualClock()
  const timer = new SilenceTimer(clock)
  const start = timer.now()
  const streams: ReturnType<typeof silentStream>[] = []
  for (let index = 0; index < 50; index += 1) {
    const made = silentStream(timer, 1600)
    streams.push(made)
    timer.follow(made.stream)
    await clock.advance(7)
  }
  await clock.advance(1700)
  for (const [index, { wokenAt }] of streams.entries()) {
    const lateMs = (wokenAt[0] ?? 0) - start - 7 * index - 1600
    expect(lateMs).toBeGreaterThanOrEqual(0)
    expect(lateMs).toBeLessThanOrEqual(100)
  }
})

test('a stream that is due sooner than the others is woken in its time', async () => {
  const clock = manualClock()
  const timer = new SilenceTimer(clock)
  const [slow, quick] = [silentStream(timer, 60_000), silentStream(timer, 100)]
  timer.follow(slow.stream)
  timer.follow(quick.stream)
  await clock.advance(1000)
  expect([slow.wokenAt.length, quick.wokenAt.length]).toEqual([0, 10])
})

test('a stream whose reader does not wait, and one without an interval, hold no timer', async () => {
  const clock = manualClock()
  const timer = silenceTimer(clock)
  expect(silenceTimer(clock)).toBe(timer)
  timer.follow({ everyMs: 1000, dueAt: Number.POSITIVE_INFINITY, wake: () => undefined })
  await clock.advance(0)
  expect(clock.pending).toBe(0)
})
