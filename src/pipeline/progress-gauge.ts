import { redact } from '../contracts/secrets/redact.js'
import type { StageProgress } from '../contracts/stage.js'

/** Progress as an event carries it. */
export type GaugedProgress = {
  ratio?: number
  phase?: string
  message?: string
  bytesDone?: number
  bytesTotal?: number
}

/**
 * Turns the reports of strategies into progress that never goes back, with a ratio between 0 and 1. When another strategy takes
 * over, its ratio is left out until it passes the last one.
 */
export class ProgressGauge {
  #highest: number
  #strategy: string | undefined

  /** @param highest - The ratio that other processes have reached. */
  constructor(highest = 0) {
    this.#highest = highest
  }

  read(strategy: string, progress: StageProgress): GaugedProgress {
    const { phase, message } = progress
    const ratio = this.#ratio(strategy, progress.ratio)
    const bytesDone = count(progress.bytesDone)
    const bytesTotal = count(progress.bytesTotal)
    return {
      ...(ratio !== undefined && { ratio }),
      ...(typeof phase === 'string' && { phase: redact(phase) }),
      ...(typeof message === 'string' && { message: redact(message) }),
      ...(bytesDone !== undefined && { bytesDone }),
      ...(bytesTotal !== undefined && { bytesTotal }),
    }
  }

  #ratio(strategy: string, given: number | undefined): number | undefined {
    if (!isRatio(given)) return undefined
    if (given < this.#highest && strategy !== this.#strategy) return undefined
    this.#strategy = strategy
    this.#highest = Math.max(this.#highest, given)
    return this.#highest
  }
}

/** Whether a value is a ratio from 0 to 1. Any other value, such as a percentage, is not used. */
export function isRatio(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value <= 1
}

function count(value: number | undefined): number | undefined {
  return typeof value === 'number' && value >= 0 && Number.isFinite(value) ? value : undefined
}
