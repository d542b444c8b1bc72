import { setTimeout as sleep } from 'node:timers/promises'
import { type ServerKind, ServerMissingError, startServer } from '../../examples/cluster/server.ts'
import type { Benchmark, BenchmarkContext, Row } from '../harness/benchmark.ts'
import { type ServerProcess, startServer as startProcess } from '../harness/child-process.ts'
import { quantile, short } from '../harness/figures.ts'
import { readServerLoad } from './server-load.ts'
import type { WorkerReport, WorkerTask } from './worker.ts'

const WORKER = new URL('worker.ts', import.meta.url)

interface Workload {
  readonly workers: number
  readonly runs: number
  /** A poll costs a multiple on PostgreSQL: more of them would measure a machine that is full. */
  readonly pollMs: Readonly<Record<ServerKind, number>>
  /** For how long the waiting runs are measured. */
  readonly windowMs: number
  /** Runs that are not created by then are left out. */
  readonly createMs: number
  /** How long the submission of all of them may take. */
  readonly mostMs: number
}

const WORKLOAD: Workload = {
  workers: 4,
  runs: 20_000,
  pollMs: { redis: 60_000, postgres: 120_000 },
  windowMs: 60_000,
  createMs: 120_000,
  mostMs: 240_000,
}
const TINY: Workload = {
  workers: 2,
  runs: 40,
  pollMs: { redis: 300, postgres: 300 },
  windowMs: 1500,
  createMs: 30_000,
  mostMs: 60_000,
}

/** Runs that wait in a queue, over workers in processes of their own: what they cost the workers and the server. */
export const cluster: Benchmark = {
  name: 'cluster',
  async run(context) {
    const rows: Row[] = []
    for (const kind of ['redis', 'postgres'] as const) rows.push(...(await rowsOf(kind, context)))
    return rows
  },
}

async function rowsOf(kind: ServerKind, context: BenchmarkContext): Promise<readonly Row[]> {
  try {
    const server = await startServer(kind)
    try {
      return await measure(kind, server, context)
    } finally {
      await server.close()
    }
  } catch (error) {
    if (!(error instanceof ServerMissingError)) throw error
    return [{ what: `11. Waiting runs in a queue, ${kind}`, ours: `left out: ${error.program} is not installed` }]
  }
}

/** What happened until an instant, of all workers together and of the server. */
interface Reading {
  readonly at: number
  /** `NaN` while runs are created. */
  readonly created: number
  readonly submitted: number
  readonly polls: number
  readonly workerMs: number
  readonly operations: ReadonlyMap<string, number>
  readonly latenessMs: readonly number[]
  readonly errors: ReadonlyMap<string, number>
  readonly residentBytes: number
  readonly server: Awaited<ReturnType<typeof readServerLoad>>
}

async function measure(
  kind: ServerKind,
  server: Awaited<ReturnType<typeof startServer>>,
  { isTiny, say }: BenchmarkContext,
): Promise<readonly Row[]> {
  const { workers, runs, windowMs, createMs, mostMs, ...others } = isTiny ? TINY : WORKLOAD
  const pollMs = others.pollMs[kind]
  const empty = await readServerLoad(server.url, server.pid)
  const processes: ServerProcess<WorkerReport>[] = []
  try {
    for (let number = 0; number < workers; number += 1) {
      const task: WorkerTask = { url: server.url, runs: runs / workers, createMs, name: `worker-${number}`, pollMs }
      processes.push(await startProcess<WorkerReport>(WORKER, task))
    }
    const read = () => readingOf(processes, server)
    const startedAt = performance.now()
    let before = await read()
    while (before.submitted !== before.created) {
      if (performance.now() - startedAt > mostMs)
        throw new Error(`Could not submit the runs of ${kind} within ${mostMs} ms: ${before.submitted} are submitted`)
      await sleep(250)
      before = await read()
    }
    const { submitted } = before
    const filled = `${submitted} runs submitted in ${short((performance.now() - startedAt) / 1000)} s`
    say(`${kind.padEnd(8)} ${filled}: ${costsOf(before, submitted)}`)
    const growth = (before.server.bytes - empty.bytes) / submitted
    // Runs that became due while others were submitted are polled meanwhile.
    await sleep(pollMs)
    before = await read()
    await sleep(windowMs)
    const after = await read()

    const polls = after.polls - before.polls
    const seconds = (after.at - before.at) / 1000
    const operations = [...after.operations]
      .map(([method, count]) => [method, (count - (before.operations.get(method) ?? 0)) / polls] as const)
      .filter(([, count]) => count >= 0.005)
      .map(([method, count]) => `${method} ${short(count)}`)
    const calls = (after.server.calls - before.server.calls) / polls
    const workerMs = (after.workerMs - before.workerMs) / polls
    const serverMs = cpuSince(before, after, polls)
    const late = [0.5, 0.95, 0.99].map((share) => short(quantile(after.latenessMs, share))).join(' / ')
    const resident = after.residentBytes / 1e6 / workers
    say(
      `         ${submitted} wait, ${short(polls / seconds)} polls/s, store operations a poll: ${operations.join(', ')}`,
    )
    say(`         CPU a poll: workers ${short(workerMs)} ms, server ${serverMs}; ${short(calls)} calls of the server`)
    say(`         late p50 / p95 / p99 ${late} ms; RSS of a worker ${short(resident)} MB`)
    for (const [error, count] of after.errors) say(`         ${count} times: ${error}`)
    say(`         ${short(growth / 1000)} KB of the server a run, ${after.server.connections} connections`)
    return [
      {
        what: `11. ${submitted} waiting runs, ${kind}: CPU of a poll, workers and server`,
        ours: `${short(workerMs)} ms and ${serverMs}`,
      },
      {
        what: `11. ${submitted} waiting runs, ${kind}: how late a due run is read, p50 / p95 / p99`,
        ours: `${late} ms`,
      },
      { what: `11. ${submitted} waiting runs, ${kind}: server bytes of a run`, ours: `${short(growth / 1000)} KB` },
    ]
  } finally {
    await Promise.all(processes.map((process) => process.stop()))
  }
}

function costsOf(reading: Reading, runs: number): string {
  const operations = [...reading.operations]
    .filter(([, count]) => count >= runs / 100)
    .map(([method, count]) => `${method} ${short(count / runs)}`)
  const { cpuMs } = reading.server
  const server = cpuMs === undefined ? 'not known' : `${short(cpuMs / runs)} ms`
  return `CPU a run: workers ${short(reading.workerMs / runs)} ms, server ${server}; ${operations.join(', ')}`
}

function cpuSince(before: Reading, after: Reading, count: number): string {
  const [from, to] = [before.server.cpuMs, after.server.cpuMs]
  return from === undefined || to === undefined ? 'not known' : `${short((to - from) / count)} ms`
}

async function readingOf(
  processes: readonly ServerProcess<WorkerReport>[],
  { url, pid }: { readonly url: string; readonly pid: number },
): Promise<Reading> {
  const usages = await Promise.all(processes.map((process) => process.usage()))
  const sum = (figureOf: (usage: (typeof usages)[number]) => number) =>
    usages.reduce((total, usage) => total + figureOf(usage), 0)
  return {
    at: performance.now(),
    created: sum(({ report }) => report.created ?? Number.NaN),
    submitted: sum(({ report }) => report.submitted),
    polls: sum(({ report }) => report.polls),
    workerMs: sum(({ cpuUs }) => cpuUs) / 1000,
    operations: summed(usages.map(({ report }) => report.operations)),
    latenessMs: usages.flatMap(({ report }) => report.latenessMs),
    errors: summed(usages.map(({ report }) => report.errors)),
    residentBytes: sum(({ residentBytes }) => residentBytes),
    server: await readServerLoad(url, pid),
  }
}

function summed(counts: readonly Readonly<Record<string, number>>[]): ReadonlyMap<string, number> {
  const sums = new Map<string, number>()
  for (const [name, count] of counts.flatMap((each) => Object.entries(each)))
    sums.set(name, (sums.get(name) ?? 0) + count)
  return sums
}
