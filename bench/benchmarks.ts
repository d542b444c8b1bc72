import { bytes } from './bytes/bytes.ts'
import { calls } from './calls/calls.ts'
import { cluster } from './cluster/cluster.ts'
import { durable } from './durable/durable.ts'
import { handler } from './handler/handler.ts'
import type { Benchmark } from './harness/benchmark.ts'
import { weight } from './import/import.ts'
import { jobs } from './jobs/jobs.ts'
import { lag } from './lag/lag.ts'
import { streams } from './streams/streams.ts'
import { waiting } from './waiting/waiting.ts'

/** All benchmarks, in the order in which they run. */
export const BENCHMARKS: readonly Benchmark[] = [
  jobs,
  waiting,
  durable,
  cluster,
  lag,
  bytes,
  streams,
  weight,
  calls,
  handler,
]
