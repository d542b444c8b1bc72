import type { Benchmark, BenchmarkContext, Row } from '../harness/benchmark.ts'
import { measureInChild } from '../harness/child-process.ts'
import { median, short, textOf } from '../harness/figures.ts'
import { unlessItFails } from '../harness/peers.ts'
import type { CallCount } from './cost-of-calls.ts'
import type { MirrorTimes } from './hanging-mirrors.ts'

type Costs = Readonly<Record<string, readonly number[]>>

const MOST_US = { fallback: 2, race: 4, withTimeout: 3, 'fallback whose first fails': 5 } as const
const MOST_RUN_US = 100
const MOST_WAIT_MS = { oneHangs: 300, twoHang: 550 } as const
// An open breaker may cost the time of the machine, not a wait.
const MOST_BREAKER_MS = 5
const OTHERS_WAIT = 'a time limit of 10 s, one after the other: 10 s'

/** CPU of a combinator and of a whole run on mocks, and the time that mirrors which hang cost. */
export const calls: Benchmark = {
  name: 'calls',
  async run(context) {
    const combinators = await costs('combinator-calls.ts', count(context, 100_000))
    const runs = await costs('whole-runs.ts', count(context, 10_000))
    const langchain = context.hasPeer('@langchain/core')
      ? await unlessItFails('@langchain/core', costs('../peers/calls/langchain.ts', count(context, 2000)), context.say)
      : {}
    return [
      ...Object.entries(MOST_US).map(([name, mostUs]) => callRow(name, mostUs, combinators, langchain)),
      runRow(runs),
      ...mirrorRows(await mirrors(context)),
    ]
  },
}

function count({ isTiny }: BenchmarkContext, calls: number): CallCount {
  return isTiny ? { rounds: 1, calls: 10 } : { rounds: 7, calls }
}

function costs(module: string, parameters: CallCount): Promise<Costs> {
  return measureInChild(new URL(module, import.meta.url), parameters)
}

function mirrors({ isTiny }: BenchmarkContext): Promise<MirrorTimes> {
  return measureInChild(new URL('hanging-mirrors.ts', import.meta.url), { breakerTimeoutMs: isTiny ? 20 : 500 })
}

function callRow(name: string, mostUs: number, ours: Costs, langchain: Costs | undefined): Row {
  const us = medianOf(ours, name)
  const beside = new Map<string, Costs | undefined>()
  if (langchain === undefined || name in langchain) beside.set('@langchain/core', langchain)
  return {
    what: `9. A call of ${name}`,
    ours: text(us),
    goal: `<= ${mostUs} us`,
    isMet: us <= mostUs,
    floor: `the strategy itself ${text(medianOf(ours, 'no combinator'))}`,
    peers: textOf(beside, (costs) => text(medianOf(costs, name))),
  }
}

function runRow(runs: Costs): Row {
  const us = medianOf(runs, 'generator')
  return {
    what: '9. A whole run on a mock of one line',
    ours: `${text(us)} (all four stages ${text(medianOf(runs, 'all four stages'))})`,
    goal: `<= ${MOST_RUN_US} us`,
    isMet: us <= MOST_RUN_US,
  }
}

function mirrorRows({ oneHangs, twoHang, breakerOpen, roundTrip }: MirrorTimes): readonly Row[] {
  const row = (what: string, ms: number, mostMs: number): Row => ({
    what: `9. Time to a good URL: ${what}`,
    ours: `${short(ms)} ms`,
    goal: `<= ${short(mostMs)} ms`,
    isMet: ms <= mostMs,
    floor: `a round trip ${short(roundTrip)} ms`,
    peers: { others: OTHERS_WAIT },
  })
  return [
    row('the first mirror hangs', oneHangs, MOST_WAIT_MS.oneHangs),
    row('the first two hang', twoHang, MOST_WAIT_MS.twoHang),
    row('the first hangs, its breaker is open', breakerOpen, roundTrip + MOST_BREAKER_MS),
  ]
}

function medianOf(costs: Costs, name: string): number {
  return median(costs[name] ?? [])
}

function text(us: number): string {
  return `${short(us)} us`
}
