import { describe, expect, it } from 'vitest'
import type { WorkerBeat } from '../../../src/contracts/run-store.js'
import { workerWatch } from '../../../src/pipeline/journal/worker-watch.js'
import { manualClock } from '../../../src/testing/index.js'

const TTL_MS = 10_000
// How many workers are watched at once.
const MOST_WATCHED = 1000

const beating = (number = 1): WorkerBeat => ({ number, ttlMs: TTL_MS, isExpired: false })
const expired = (number = 1): WorkerBeat => ({ number, ttlMs: TTL_MS, isExpired: true })

/** A watch, and the time that passes for it. */
function watching() {
  let now = 0
  const watch = workerWatch({ monotonic: () => now })
  const at = (instant: number, beat: WorkerBeat | undefined, worker = 'w') => {
    now = instant
    return watch.isDead(worker, beat)
  }
  return { at }
}

describe('a worker', () => {
  it('without a beat in the store is dead at once', () => {
    expect(watching().at(0, undefined)).toBe(true)
    expect(workerWatch(manualClock()).isDead('w', undefined)).toBe(true)
  })

  it.each<[string, WorkerBeat, number]>([
    ['whose beat has expired is dead when no other was seen for half of its lease', expired(), TTL_MS / 2],
    ['whose beat has not expired is dead when no other was seen for its lease', beating(), TTL_MS],
  ])('%s', (_, beat, silentMs) => {
    const { at } = watching()
    expect(at(500, beat)).toBe(false)
    expect(at(500 + silentMs - 1, beat)).toBe(false)
    expect(at(500 + silentMs, beat)).toBe(true)
  })

  it('lives as long as its beats follow each other, also by a store whose clock is ahead', () => {
    const { at } = watching()
    for (let number = 1; number <= 5; number += 1) expect(at(number * (TTL_MS / 2 - 1), expired(number))).toBe(false)
  })

  it('is watched from the start again once the store has a beat of it again', () => {
    const { at } = watching()
    expect(at(0, beating())).toBe(false)
    expect(at(5000, undefined)).toBe(true)
    expect(at(TTL_MS, beating())).toBe(false)
    expect(at(2 * TTL_MS, beating())).toBe(true)
  })

  it('has its own silence', () => {
    const { at } = watching()
    expect(at(0, beating(), 'a')).toBe(false)
    expect(at(5000, beating(), 'b')).toBe(false)
    expect(at(TTL_MS, beating(), 'a')).toBe(true)
    expect(at(TTL_MS, beating(), 'b')).toBe(false)
  })
})

describe('among many workers', () => {
  it('a thousand are watched', () => {
    const { at } = watching()
    for (let worker = 1; worker <= MOST_WATCHED; worker += 1) at(0, beating(), `w${worker}`)
    expect(at(TTL_MS, beating(), 'w1')).toBe(true)
  })

  it('only the one that was not watched for the longest is forgotten', () => {
    const { at } = watching()
    for (let worker = 1; worker <= MOST_WATCHED; worker += 1) at(0, beating(), `w${worker}`)
    at(1, beating(), 'w1')
    at(1, beating(), 'new')
    // The watch of w2 begins again, which forgets w3.
    expect(at(TTL_MS, beating(), 'w2')).toBe(false)
    expect(at(TTL_MS, beating(), 'w1')).toBe(true)
    expect(at(TTL_MS, beating(), 'w4')).toBe(true)
  })
})
