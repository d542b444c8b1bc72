import { type Histogram, monitorEventLoopDelay } from 'node:perf_hooks'

/** What a measurement did to the process. */
export interface ProcessLoad {
  readonly cpuMs: number
  /** Time between two turns of a timer of 1 ms, so about 1 when the process is idle. */
  readonly delayP99Ms: number
  /**
   * 1 % of the time passes in delays longer than this. A loop that stands still for a second is one sample of a second for the
   * percentile above, and a second of the time here.
   */
  readonly delayP99ByTimeMs: number
  readonly delayMaxMs: number
  /** Share of the time in which the event loop was busy, 0 to 1; a call that blocks it counts, such as a synchronous write. */
  readonly loopBusy: number
}

/** Starts to measure the load of this process; the returned function ends it. */
export function measureLoad(): () => ProcessLoad {
  const delay = monitorEventLoopDelay({ resolution: 1 })
  delay.enable()
  const before = process.cpuUsage()
  const loopBefore = performance.eventLoopUtilization()
  return () => {
    const { user, system } = process.cpuUsage(before)
    delay.disable()
    return {
      cpuMs: (user + system) / 1000,
      delayP99Ms: delay.percentile(99) / 1e6,
      delayP99ByTimeMs: p99ByTime(delay) / 1e6,
      delayMaxMs: delay.max / 1e6,
      loopBusy: performance.eventLoopUtilization(loopBefore).utilization,
    }
  }
}

function p99ByTime(delay: Histogram): number {
  const longest = delay.count * delay.mean * 0.01
  let passed = 0
  for (let rank = delay.count; rank > 0; rank -= 1) {
    const sample = delay.percentile(((rank - 0.5) / delay.count) * 100)
    passed += sample
    if (passed > longest) return sample
  }
  return Number.NaN
}
