// Measures this library beside others and beside what Node itself needs; bench/README.md explains each figure.
// node bench/main.ts [--only <name>]… [--report-only] [--tiny]        exits with 1 when a goal is missed, unless --report-only
import { availableParallelism, cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { BENCHMARKS } from './benchmarks.ts'
import type { BenchmarkContext, Row } from './harness/benchmark.ts'
import { arePeersInstalled, hasPeer, installPeers } from './harness/peers.ts'
import { tableOf } from './harness/table.ts'

const { values: options } = parseArgs({
  options: {
    only: { type: 'string', multiple: true },
    'report-only': { type: 'boolean', default: false },
    tiny: { type: 'boolean', default: false },
  },
})
const names = BENCHMARKS.map(({ name }) => name)
const unknown = options.only?.filter((name) => !names.includes(name)) ?? []
if (unknown.length > 0)
  throw new Error(`Could not run, no such benchmark: ${unknown.join(', ')}; give ${names.join(', ')}`)

// A tiny run works without a network, with the libraries that are there.
if (!options.tiny && !arePeersInstalled()) installPeers()

const context: BenchmarkContext = { isTiny: options.tiny, hasPeer, say: (line) => console.log(`  ${line}`) }
const rows: Row[] = []
let failures = 0
for (const { name, run } of BENCHMARKS) {
  if (options.only !== undefined && !options.only.includes(name)) continue
  const startedAt = performance.now()
  console.log(`\n${name}`)
  try {
    rows.push(...(await run(context)))
  } catch (error) {
    failures += 1
    console.log(`  FAIL  ${error instanceof Error ? error.stack : String(error)}`)
  }
  console.log(`  ${((performance.now() - startedAt) / 1000).toFixed(0)} s`)
}

console.log(`\n${availableParallelism()} cores (${cpus()[0]?.model}), Node ${process.versions.node}\n`)
console.log(tableOf(rows))
const missed = rows.filter(({ isMet }) => isMet === false).length
console.log(
  `\n${missed} of ${rows.filter(({ isMet }) => isMet !== undefined).length} goals missed, ${failures} benchmarks failed`,
)
const isReport = options['report-only'] || options.tiny
if (failures > 0 || (missed > 0 && !isReport)) process.exitCode = 1
