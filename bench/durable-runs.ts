// What durable runs cost: detection lag on a database against memory, writes of runs that wait, and writes of a long run.
// node bench/durable-runs.ts [--report-only]        exits with 1 when a goal is missed, unless --report-only is given
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type StoreName, stateWritesOf, type WriteCounts } from './durable/counted-store.ts'
import { type DetectionLag, JOBS, measureDetectionLag } from './durable/detection-lag.ts'
import { measureRunWrites } from './durable/long-run-writes.ts'
import { quantile } from './durable/quantile.ts'
import { measureWaitingRuns, WAITING_RUNS } from './durable/waiting-runs.ts'

const ALL_WITHIN_MS = 165_000
const ROUNDS = 2
const SHORT_RUN_POLLS = 3
const LONG_RUN_POLLS = 100
const MOST_STATE_WRITES = 10
const MOST_IDLE_WRITES_A_SECOND = 5
const MOST_DELAY_MS = 20

const SCENARIOS = {
  lag: measureDetectionLag,
  waiting: measureWaitingRuns,
  short: (store, directory) => measureRunWrites(store, directory, SHORT_RUN_POLLS),
  long: (store, directory) => measureRunWrites(store, directory, LONG_RUN_POLLS),
} as const satisfies Readonly<Record<string, (store: StoreName, directory: string) => Promise<unknown>>>

type Scenario = keyof typeof SCENARIOS
type Outcome<Name extends Scenario> = Awaited<ReturnType<(typeof SCENARIOS)[Name]>>

const deadline = AbortSignal.timeout(ALL_WITHIN_MS)
let missedGoals = 0

/** A scenario in its own process, with its own directory: neither its garbage nor its files disturb the next. */
async function measure<Name extends Scenario>(scenario: Name, store: StoreName): Promise<Outcome<Name>> {
  const directory = mkdtempSync(join(tmpdir(), 'sora-pipeline-bench-'))
  try {
    const child = fork(import.meta.filename, [scenario, store, directory], { signal: deadline, killSignal: 'SIGKILL' })
    const outcome = once(child, 'message').then(([message]) => message as Outcome<Name>)
    const ended = once(child, 'exit').then(([code]) => {
      if (code !== 0) throw new Error(`Could not measure ${scenario} on ${store}: exit code ${code}`)
    })
    const [message] = await Promise.all([outcome, ended])
    return message
  } finally {
    rmSync(directory, { recursive: true, force: true, maxRetries: 3 })
  }
}

async function compareDetectionLag(): Promise<void> {
  const results = { memory: [] as DetectionLag[], sqlite: [] as DetectionLag[] }
  console.log(`\nDetection lag of ${JOBS} jobs of 20 to 180 s at a tenfold time scale`)
  console.log(
    '  store    lag p50  lag p95  lag max  delay p99  by time  delay max  loop busy  CPU/job  polls/job  saves/job  other writes',
  )
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const store of ['memory', 'sqlite'] as const) {
      const result = await measure('lag', store)
      results[store].push(result)
      const cells = [
        ms(quantile(result.lags, 0.5)).padStart(9),
        ms(quantile(result.lags, 0.95)).padStart(9),
        ms(Math.max(...result.lags)).padStart(9),
        ms(result.delayP99Ms).padStart(11),
        ms(result.delayP99ByTimeMs).padStart(9),
        ms(result.delayMaxMs).padStart(11),
        percent(result.loopBusy).padStart(11),
        `${(result.cpuMs / JOBS).toFixed(1)} ms`.padStart(9),
        (result.polls / JOBS).toFixed(1).padStart(11),
        (stateWritesOf(result.writes) / JOBS).toFixed(1).padStart(11),
      ]
      console.log(`  ${store.padEnd(7)}${cells.join('')}  ${otherWritesOf(result.writes)}`)
    }
  }
  const p95 = (store: keyof typeof results) =>
    quantile(
      results[store].flatMap(({ lags }) => lags),
      0.95,
    )
  const mostLagMs = 1.2 * p95('memory') + 30
  const lagText = `lag p95 ${ms(p95('sqlite'))}, ${(p95('sqlite') / p95('memory')).toFixed(1)}x of memory`
  judge(p95('sqlite') <= mostLagMs, `sqlite: ${lagText} (<= 1.2x + 30 ms = ${ms(mostLagMs)})`)
  const delayMs = Math.max(...results.sqlite.map(({ delayP99Ms }) => delayP99Ms))
  judge(delayMs < MOST_DELAY_MS, `sqlite: event loop delay p99 ${ms(delayMs)} (< ${MOST_DELAY_MS} ms)`)
}

async function countIdleWrites(): Promise<void> {
  console.log(`\n${WAITING_RUNS} waiting runs on sqlite`)
  const { writes, polls, windowMs, ...result } = await measure('waiting', 'sqlite')
  const aSecond = (count: number) => (count * 1000) / windowMs
  const all = Object.values(writes).reduce((sum, count) => sum + count, 0)
  console.log(
    `  all accepted after ${(result.acceptedMs / 1000).toFixed(1)} s, then for ${(windowMs / 1000).toFixed(1)} s:`,
  )
  console.log(
    `  ${aSecond(polls).toFixed(0)} polls/s, ${(result.cpuMs / windowMs).toFixed(2)} CPU cores, loop busy ${percent(result.loopBusy)}`,
  )
  console.log(
    `  event loop delay p99 ${ms(result.delayP99Ms)}, by time ${ms(result.delayP99ByTimeMs)}, max ${ms(result.delayMaxMs)}`,
  )
  console.log(`  create ${writes.create ?? 0}, save ${writes.save ?? 0}, ${otherWritesOf(writes)}`)
  const text = `${aSecond(all).toFixed(1)} writes/s (<= ${MOST_IDLE_WRITES_A_SECOND})`
  judge(aSecond(all) <= MOST_IDLE_WRITES_A_SECOND, text)
}

async function compareRunWrites(): Promise<void> {
  console.log(`\nState writes of a run of ${SHORT_RUN_POLLS} polls and of one of ${LONG_RUN_POLLS}`)
  for (const store of ['memory', 'sqlite', 'file'] as const) {
    const [short, long] = await Promise.all([measure('short', store), measure('long', store)])
    const [few, many] = [stateWritesOf(short), stateWritesOf(long)]
    const isGood = few === many && many <= MOST_STATE_WRITES
    console.log(`  ${store.padEnd(7)} other writes of the long run: ${otherWritesOf(long)}`)
    judge(isGood, `${store}: ${few} and ${many} state writes (equal, <= ${MOST_STATE_WRITES})`)
  }
}

function otherWritesOf({ create: _create, save: _save, ...others }: WriteCounts): string {
  return Object.entries(others)
    .map(([method, count]) => `${method} ${count}`)
    .join(', ')
}

function judge(isReached: boolean, text: string): void {
  if (!isReached) missedGoals += 1
  console.log(`  ${isReached ? 'pass' : 'FAIL'}  ${text}`)
}

function ms(value: number): string {
  return `${value.toFixed(value < 10 ? 1 : 0)} ms`
}

function percent(share: number): string {
  return `${(share * 100).toFixed(0)} %`
}

/** Median of small appends that are flushed: most of what a durable write costs depends on the disk. */
async function measureFlush(): Promise<number> {
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

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { 'report-only': { type: 'boolean', default: false } } })
  const flush = (await measureFlush()).toFixed(2)
  console.log(
    `\nDurable runs: ${availableParallelism()} cores, Node ${process.versions.node}, flush of 4 KB ${flush} ms`,
  )
  for (const compare of [compareDetectionLag, countIdleWrites, compareRunWrites]) {
    await compare().catch((error: unknown) => judge(false, deadline.aborted ? lateText() : String(error)))
  }
  console.log(missedGoals > 0 ? `\n${missedGoals} goals missed` : '\nAll goals reached')
  if (missedGoals > 0 && !values['report-only']) process.exitCode = 1
}

function lateText(): string {
  return `Could not finish, the bench took longer than: ${ALL_WITHIN_MS} ms`
}

async function serve(scenario: Scenario, store: StoreName, directory: string): Promise<void> {
  const outcome = await SCENARIOS[scenario](store, directory)
  // Runs may still wait, and would keep the process alive.
  process.send?.(outcome, () => process.exit())
}

if (process.send) {
  const [scenario, store, directory] = process.argv.slice(2)
  await serve(scenario as Scenario, store as StoreName, String(directory))
} else await main()
