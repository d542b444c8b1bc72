import { describe, expect, test } from 'vitest'
import type { RunStore } from '../../../src/index.js'
import { manualClock, runStoreConformance } from '../../../src/testing/index.js'
import { failedCases } from './failed-cases.js'
import { failuresOf } from './failures-of.js'
import { emptyFullData, fullStore } from './full-run-store.js'

describe('a good store with every method passes in real time', () => {
  runStoreConformance({
    test,
    create: () => {
      const data = emptyFullData()
      return { store: fullStore(data), reopen: async () => fullStore(data) }
    },
  })
})

describe('a good store with every method passes with a clock that is moved by hand', () => {
  runStoreConformance({
    test,
    create: () => {
      const clock = manualClock()
      const data = emptyFullData(clock)
      return { store: fullStore(data), reopen: async () => fullStore(data), advance: (ms) => clock.advance(ms) }
    },
  })
})

test.each([
  ['list'],
  ['versions'],
  ['report'],
  ['prune'],
  ['putMedia', 'getMedia', 'dropMedia'],
  ['appendEvents', 'readEvents', 'followEvents'],
  ['takeSlot', 'keepSlots', 'restSlots'],
] as const)('a good store without %s passes', async (...methods) => {
  const without = Object.fromEntries(methods.map((method) => [method, undefined])) as Partial<RunStore>
  expect(await failuresOf(() => without)).toEqual(new Map())
})

test.each(['putMedia', 'getMedia', 'dropMedia'] as const)('a store with media but without %s fails', async (method) => {
  const create = () => {
    const { [method]: _, ...store } = fullStore()
    return { store }
  }
  const failed = await failedCases((collect) => runStoreConformance({ test: collect, create }))
  expect([...failed]).toEqual([
    ['has putMedia, getMedia and dropMedia, or none of them', expect.stringContaining(`must have ${method} as well`)],
  ])
})

test('a store whose clock stands still fails within the time limit, also without a clock that can be moved', async () => {
  const create = () => {
    const data = emptyFullData({ monotonic: () => 0 })
    const { takeSlot: _take, keepSlots: _keep, restSlots: _rest, ...store } = fullStore(data)
    return { store }
  }
  const failed = await failedCases((collect) => runStoreConformance({ test: collect, timeoutMs: 50, create }))
  expect([...failed]).toEqual([
    ...[
      'expires a beat when its ttl has passed by the clock of the store, and not before',
      'counts the ttl of a worker from its last beat',
      'keeps the beats of workers apart, whatever their names look like',
      'leaves out the runs of live workers when only free ones are requested',
    ].map((name) => [name, expect.stringContaining('isExpired must become true, must settle within 50 ms')]),
    [
      'forgets a note, and makes one due, by the clock of the store',
      expect.stringContaining('a note whose expiresInMs has passed must settle within 50 ms'),
    ],
  ])
})

test('a store that lacks a method when it is opened again fails', async () => {
  const failed = await failuresOf((_, __, process) => (process === 1 ? {} : ({ report: undefined } as object)))
  expect([...failed]).toEqual([
    ['shows progress to another process', expect.stringContaining('must have report when it is opened again')],
  ])
})
