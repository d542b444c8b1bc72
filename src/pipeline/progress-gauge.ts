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
 * Makes progress that readers can trust out of what strategies report: a ratio between 0 and 1 that never goes back. When
 * another strategy takes over, its ratio is left out until it has passed what was seen: neither a step back nor an invention.
 */
export class ProgressGauge {
  #highest = 0
  #strategy: string | undefined

  read(strategy: string, progress: StageProgress): GaugedProgress {
    const { phase, message } = progress
    const ratio = this.#ratio(strategy, progress.ratio)
    const bytesDone = count(progress.bytesDone)
    const bytesTotal = count(progress.bytesTotal)
    return {
      ...(ratio !== undefined && { ratio }),
      ...(typeof phase === 'string' && { phase }),
      ...(typeof message === 'string' && { message }),
      ...(bytesDone !== undefined && { bytesDone }),
      ...(bytesTotal !== undefined && { bytesTotal }),
    }
  }

  #ratio(strategy: string, given: number | undefined): number | undefined {
    if (typeof given !== 'number' || Number.isNaN(given)) return undefined
    const ratio = Math.min(1, Math.max(0, given))
    if (ratio < this.#highest && strategy !== this.#strategy) return undefined
    this.#strategy = strategy
    this.#highest = Math.max(this.#highest, ratio)
    return this.#highest
  }
}

function count(value: number | undefined): number | undefined {
  return typeof value === 'number' && value >= 0 && Number.isFinite(value) ? value : undefined
}
