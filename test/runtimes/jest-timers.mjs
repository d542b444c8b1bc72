// Run by Jest, with fake timers from the beginning and without.
import { byManualClock, byTimers } from './ten-minutes.mjs'

const { jest } = import.meta
const { afterEach, expect, test } = globalThis

afterEach(() => jest.useRealTimers())

test.each([
  ['all', undefined],
  ['all but the turns of the event loop', { doNotFake: ['nextTick', 'queueMicrotask', 'setImmediate'] }],
])('with %s faked', async (_, options) => {
  jest.useFakeTimers(options)
  expect(await byManualClock()).toBe(606_000)
  expect(await byTimers(jest.advanceTimersByTimeAsync)).toBe(606_000)
})

test('a run by the clock of the machine needs performance to be faked', async () => {
  jest.useFakeTimers({ doNotFake: ['performance'] })
  expect(await byManualClock()).toBe(606_000)
  expect(await byTimers(jest.advanceTimersByTimeAsync)).toBe(undefined)
})
