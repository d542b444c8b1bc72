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
      kills: 155,
      crashes: 5,
      pauseMs: 600,
      times: { pollMs: 200, leaseMs: 1500, lockMs: 1500, sweepMs: 500 },
      random: seededRandom(seed),
    })
    const p95 = Math.round(recoveriesMs[Math.floor(recoveriesMs.length * 0.95)] ?? 0)
    const seconds = Math.round((performance.now() - startedAt) / 1000)
    const toll = `kills ${kills}, restarts ${crashes}, runs ${runs}, creates ${creates}, lost ${lost.length}`
    console.info(`${kind}: ${toll}, recoveries ${recoveriesMs.length}, p95 ${p95} ms, in ${seconds} s`)
    expect(lost).toEqual([])
    expect(creates).toBe(runs)
  })
})
