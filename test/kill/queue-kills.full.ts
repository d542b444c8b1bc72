import { describe, expect, it } from 'vitest'
import { besiege } from './queue-life.js'
import { seededRandom } from './seeded-random.js'

const seed = Number(process.env.KILL_SEED ?? Date.now() % 1_000_000)

const KINDS =
  process.env.KILL_KIND === undefined ? (['ioredis', 'pg'] as const) : [process.env.KILL_KIND as 'ioredis' | 'pg']

describe.each(KINDS)('a queue and a store over %s', (kind) => {
  it('pays once and loses nothing, whichever process is killed, with the server restarted', async () => {
    console.info(`seed ${seed}: KILL_SEED=${seed} repeats the choices`)
    const startedAt = performance.now()
    const toll = await besiege({
      kind,
      mode: 'key',
      runs: 60,
      kills: Number(process.env.KILLS ?? 155),
      crashes: Number(process.env.CRASHES ?? 6),
      pauseMs: 600,
      times: { pollMs: 200, leaseMs: 1500, lockMs: 1500, sweepMs: 500 },
      random: seededRandom(seed),
    })
    const { kills, runs, creates, lost, recoveriesMs, errors, crashes } = toll
    const p95 = recoveriesMs[Math.floor(recoveriesMs.length * 0.95)]
    console.info(
      `${kind}: kills ${kills}, restarts ${crashes}, runs ${runs}, creates ${creates}, lost ${lost.length}, recoveries ${recoveriesMs.length}, p95 ${Math.round(p95 ?? 0)} ms, ${Math.round((performance.now() - startedAt) / 1000)} s`,
    )
    if (process.env.KILL_ERRORS) console.info(errors)
    expect(lost).toEqual([])
    expect(creates).toBe(runs)
  })
})
