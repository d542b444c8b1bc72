import { mkdtempSync, rmSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Benchmark, BenchmarkContext, Row } from '../harness/benchmark.ts'
import { measureInChild } from '../harness/child-process.ts'
import { quantile, short } from '../harness/figures.ts'
import { type StoreName, stateWritesOf, type WriteCounts } from './counted-store.ts'
import type { DetectionLag, LagWorkload } from './detection-lag.ts'
import type { StoreMeasurement, StoreTask } from './measure-store.ts'
import type { ProcessLoad } from './process-load.ts'
import type { WaitingRuns, WaitingWorkload } from './waiting-runs.ts'

// 20 to 180 s at a tenfold time scale.
const LAG: LagWorkload = { jobs: 1000, shortestMs: 2000, longestMs: 18_000 }
const TINY_LAG: LagWorkload = { jobs: 5, shortestMs: 200, longestMs: 400 }
const WAITING: WaitingWorkload = { runs: 5000, windowMs: 10_000 }
const TINY_WAITING: WaitingWorkload = { runs: 5, windowMs: 100 }
const ROUNDS = 2
const SHORT_RUN_POLLS = 3
const LONG_RUN_POLLS = 100
const MOST_LAG_RATIO = 1.2
// What a timer is late on a busy machine.
const LAG_ALLOWANCE_MS = 30
const MOST_DELAY_MS = 20
const MOST_IDLE_WRITES_A_SECOND = 5
const MOST_STATE_WRITES = 10

/** What durable runs cost: lag on a database against memory, writes of runs that wait, and writes of a long run. */
export const durable: Benchmark = {
  name: 'durable',
  async run(context) {
    context.say(`flush of 4 KB: ${short(await flushMs())} ms`)
    return [...(await lagRows(context)), await idleRow(context), ...(await writeRows(context))]
  },
}

/** In a process of its own, with its own directory: neither its garbage nor its files disturb the next. */
async function measure<Outcome>(store: StoreName, task: StoreTask): Promise<Outcome> {
  const directory = mkdtempSync(join(tmpdir(), 'sora-pipeline-bench-'))
  try {
    const parameters: StoreMeasurement = { store, directory, task }
    return await measureInChild<Outcome>(new URL('measure-store.ts', import.meta.url), parameters)
  } finally {
    rmSync(directory, { recursive: true, force: true, maxRetries: 3 })
  }
}

async function lagRows({ isTiny, say }: BenchmarkContext): Promise<readonly Row[]> {
  const workload = isTiny ? TINY_LAG : LAG
  const results = { memory: [] as DetectionLag[], sqlite: [] as DetectionLag[] }
  for (let round = 0; round < (isTiny ? 1 : ROUNDS); round += 1) {
    for (const store of ['memory', 'sqlite'] as const) {
      const result = await measure<DetectionLag>(store, { kind: 'lag', workload })
      results[store].push(result)
      const lag = [0.5, 0.95, 1].map((share) => short(quantile(result.lags, share))).join(' / ')
      const aJob = (count: number) => short(count / workload.jobs)
      const counts = `${aJob(result.polls)} polls and ${aJob(stateWritesOf(result.writes))} saves a job`
      say(`${store.padEnd(6)} lag p50 / p95 / max ${lag} ms, ${loadText(result)}`)
      say(`       ${aJob(result.cpuMs)} ms of CPU, ${counts}, ${otherWritesOf(result.writes)}`)
    }
  }
  const p95 = (store: keyof typeof results) => {
    const lags = results[store].flatMap((result) => result.lags)
    return quantile(lags, 0.95)
  }
  const mostMs = MOST_LAG_RATIO * p95('memory') + LAG_ALLOWANCE_MS
  const delayMs = Math.max(...results.sqlite.map(({ delayP99Ms }) => delayP99Ms))
  return [
    {
      what: '2b. Lag p95 of 1,000 jobs on sqliteStore',
      ours: `${short(p95('sqlite'))} ms`,
      goal: `<= ${MOST_LAG_RATIO}x of memory + ${LAG_ALLOWANCE_MS} ms`,
      isMet: p95('sqlite') <= mostMs,
      floor: `memoryStore ${short(p95('memory'))} ms`,
    },
    {
      what: '2b. Event loop delay p99 on sqliteStore',
      ours: `${short(delayMs)} ms`,
      goal: `< ${MOST_DELAY_MS} ms`,
      isMet: delayMs < MOST_DELAY_MS,
      floor: `memoryStore ${short(Math.max(...results.memory.map(({ delayP99Ms }) => delayP99Ms)))} ms`,
    },
  ]
}

async function idleRow({ isTiny, say }: BenchmarkContext): Promise<Row> {
  const workload = isTiny ? TINY_WAITING : WAITING
  const result = await measure<WaitingRuns>('sqlite', { kind: 'waiting', workload })
  const { writes, polls, windowMs, acceptedMs } = result
  const aSecond = (count: number) => (count * 1000) / windowMs
  const all = Object.values(writes).reduce((sum, count) => sum + count, 0)
  say(
    `${workload.runs} waiting runs: accepted after ${short(acceptedMs / 1000)} s, then ${short(aSecond(polls))} polls/s`,
  )
  say(`       ${loadText(result)}, ${short(result.cpuMs / windowMs)} cores`)
  say(`       create ${writes.create ?? 0}, save ${writes.save ?? 0}, ${otherWritesOf(writes)}`)
  return {
    what: '2b. Writes of 5,000 waiting runs on sqliteStore',
    ours: `${short(aSecond(all))}/s`,
    goal: `<= ${MOST_IDLE_WRITES_A_SECOND}/s`,
    isMet: aSecond(all) <= MOST_IDLE_WRITES_A_SECOND,
  }
}

async function writeRows({ isTiny }: BenchmarkContext): Promise<readonly Row[]> {
  const longPolls = isTiny ? SHORT_RUN_POLLS + 1 : LONG_RUN_POLLS
  const rows: Row[] = []
  for (const store of ['memory', 'sqlite', 'file'] as const) {
    const [few, many] = await Promise.all(
      [SHORT_RUN_POLLS, longPolls].map(async (polls) => {
        return stateWritesOf(await measure<WriteCounts>(store, { kind: 'writes', polls }))
      }),
    )
    rows.push({
      what: `2b. State writes of a run of ${SHORT_RUN_POLLS} and of ${LONG_RUN_POLLS} polls, ${store}`,
      ours: `${few} and ${many}`,
      goal: `equal, <= ${MOST_STATE_WRITES}`,
      isMet: few === many && Number(many) <= MOST_STATE_WRITES,
    })
  }
  return rows
}

function loadText({ delayP99Ms, delayP99ByTimeMs, delayMaxMs, loopBusy }: ProcessLoad): string {
  const delays = [delayP99Ms, delayP99ByTimeMs, delayMaxMs].map(short).join(' / ')
  return `event loop delay p99 / by time / max ${delays} ms, busy ${short(loopBusy * 100)} %`
}

function otherWritesOf({ create: _create, save: _save, ...others }: WriteCounts): string {
  return Object.entries(others)
    .map(([method, count]) => `${method} ${count}`)
    .join(', ')
}

/** Median of small appends that are flushed: most of what a durable write costs depends on the disk. */
async function flushMs(): Promise<number> {
  const directory = mkdtempSync(join(tmpdir(), 'sora-pipeline-bench-'))
  const file = await open(join(directory, 'flush'), 'a')
  const times: number[] = []
  try {
    for (let round = 0; round < 50; round += 1) {
      const before = performance.now()
      await file.write(Buffer.alloc(4096))
      await file.sync()
      times.push(performance.now() - before)
    }
  } finally {
    await file.close()
    rmSync(directory, { recursive: true, force: true })
  }
  return quantile(times, 0.5)
}
