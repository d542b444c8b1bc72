import { diag, type Meter, type ObservableResult } from '@opentelemetry/api'
import { toErrorJson } from '../contracts/errors.js'
import type { PipelineHealth } from '../pipeline/pipeline-health.js'
import { METRICS } from './metric-names.js'

/** Reports the figures of a pipeline at each collection; the result stops that. A figure that cannot be read is left out. */
export function startGauges(meter: Meter, health: PipelineHealth): () => void {
  const toSeconds = (ms: number | undefined) => (ms === undefined ? undefined : ms / 1000)
  const stops = [
    gauge(meter, METRICS.runsInReview, () => health.runsInReview()),
    gauge(meter, METRICS.oldestDueAge, async () => toSeconds(await health.oldestDueMs())),
    gauge(meter, METRICS.heartbeatAge, async () => toSeconds(health.heartbeatAgeMs())),
  ]
  return () => {
    for (const stop of stops) stop()
  }
}

function gauge(
  meter: Meter,
  metric: { readonly name: string; readonly unit: string; readonly description: string },
  read: () => Promise<number | undefined>,
): () => void {
  const observable = meter.createObservableGauge(metric.name, metric)
  const observe = async (result: ObservableResult) => {
    try {
      const value = await read()
      if (value !== undefined) result.observe(value)
    } catch (error) {
      diag.warn(`Could not read ${metric.name}: ${toErrorJson(error).code}`)
    }
  }
  observable.addCallback(observe)
  return () => observable.removeCallback(observe)
}
