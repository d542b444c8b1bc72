import type { Attributes, Counter, Histogram, Meter } from '@opentelemetry/api'
import type { PipelineEvent } from '../contracts/events.js'
import type { AttemptTrace, RunTrace } from '../pipeline/tracing/trace-messages.js'
import { METRICS } from './metric-names.js'

// A video takes seconds to an hour.
const DURATION_BUCKETS_S = [0.1, 0.5, 1, 2, 5, 10, 20, 40, 60, 90, 120, 180, 240, 300, 600, 1200, 1800, 3600]

/** The histogram and the counters. */
export class RunMetrics {
  readonly #duration: Histogram
  readonly #runs: Counter
  readonly #degraded: Counter
  readonly #fallbacks: Counter
  readonly #uploaded: Counter
  // Of uploads in progress, by run: an uploader may not report the length of its copy.
  readonly #bytesDone = new Map<string, number>()

  constructor(meter: Meter) {
    const { operationDuration, runs, degradedRuns, fallbacks, uploaded } = METRICS
    const advice = { explicitBucketBoundaries: DURATION_BUCKETS_S }
    this.#duration = meter.createHistogram(operationDuration.name, { ...operationDuration, advice })
    this.#runs = meter.createCounter(runs.name, runs)
    this.#degraded = meter.createCounter(degradedRuns.name, degradedRuns)
    this.#fallbacks = meter.createCounter(fallbacks.name, fallbacks)
    this.#uploaded = meter.createCounter(uploaded.name, uploaded)
  }

  hear(event: PipelineEvent): void {
    if (event.type === 'fallback-taken') {
      this.#fallbacks.add(1, {
        'sora_pipeline.stage': event.stage,
        'sora_pipeline.strategy': event.strategy,
        'sora_pipeline.next_strategy': event.next,
      })
    }
    if (event.type === 'stage-progressed' && event.stage === 'upload' && event.bytesDone !== undefined) {
      this.#bytesDone.set(event.runId, event.bytesDone)
    }
    if (event.type === 'run-completed' || event.type === 'run-failed') this.#bytesDone.delete(event.runId)
  }

  runEnded({ result, error }: RunTrace): void {
    const type = error && { 'error.type': error.code }
    this.#runs.add(1, { 'sora_pipeline.outcome': outcomeOf(error?.code), ...type })
    if (result?.isDegraded) this.#degraded.add(1, { 'sora_pipeline.served_by': result.servedBy })
  }

  /** An attempt that this process left unfinished has no duration yet. */
  generated({ durationMs }: AttemptTrace, attributes: Attributes): void {
    if (durationMs !== undefined) this.#duration.record(durationMs / 1000, attributes)
  }

  /** The bytes of a successful upload; `undefined` if they are not known. */
  uploaded({ runId, strategy, result }: AttemptTrace): number | undefined {
    if (result === undefined) return undefined
    const length: unknown = Object(result).byteLength
    const bytes = typeof length === 'number' ? length : this.#bytesDone.get(runId)
    if (bytes !== undefined) this.#uploaded.add(bytes, { 'sora_pipeline.strategy': strategy })
    return bytes
  }
}

function outcomeOf(code: string | undefined): string {
  if (code === undefined) return 'completed'
  if (code === 'aborted') return 'aborted'
  return code === 'submission-unknown' ? 'needs-review' : 'failed'
}
