import { describe, expect, it } from 'vitest'
import { besiege } from './queue-life.js'
import { seededRandom } from './seeded-random.js'

const seed = Number(process.env.KILL_SEED ?? Date.now() % 1_000_000)

describe.each(['ioredis', 'pg'] as const)('a queue and a store over %s', (kind) => {
  it('pays once and loses nothing, whichever process is killed, with the server restarted', async () => {
    console.info(`seed ${seed}: KILL_SEED=${seed} repeats the choices`)
    const startedAt = performance.now()
    const { kills, runs, creates, lost, recoveriesMs, crashes } = await besiege({
      kind,
      mode: 'key',
      runs: 60,
      kills: 80,
      crashes: 5,
      pauseMs: 600,
      times: { pollMs: 200, leaseMs: 1500, lockMs: 1500, sweepMs: 500 },
      random: seededRandom(seed),
    })
    const p95 = p95Of(recoveriesMs)
    const seconds = Math.round((performance.now() - startedAt) / 1000)
    const toll = `kills ${kills}, restarts ${crashes}, runs ${runs}, creates ${creates}, lost ${lost.length}`
    console.info(`${kind}: ${toll}, recoveries ${recoveriesMs.length}, p95 ${p95} ms, in ${seconds} s`)
    expect(lost).toEqual([])
    expect(creates).toBe(runs)
  })

  it('has runs of killed workers in other hands soon after their locks, with the times of the defaults', async () => {
    const { creates, lost, recoveriesMs } = await besiege({
      kind,
      mode: 'key',
      runs: 60,
      kills: 8,
      crashes: 0,
      pauseMs: 4000,
      answerMs: 1500,
      times: { pollMs: 1000, leaseMs: 10_000, lockMs: 10_000, sweepMs: 5000 },
      random: seededRandom(11),
    })
    console.info(`${kind}: recoveries with the defaults ${recoveriesMs.length}, p95 ${p95Of(recoveriesMs)} ms`)
    expect({ creates, lost }).toEqual({ creates: 60, lost: [] })
    expect(recoveriesMs.length).toBeGreaterThan(0)
    // About 15 s on a quiet machine.
    expect(p95Of(recoveriesMs)).toBeLessThan(40_000)
  })
})

function p95Of(ascending: readonly number[]): number {
  return Math.round(ascending[Math.floor(ascending.length * 0.95)] ?? 0)
}
