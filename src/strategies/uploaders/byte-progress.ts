import type { StageContext } from '../../contracts/stage.js'

const INTERVAL_MS = 250

/** Tells how many bytes are done, at most four times a second, and once more at the end. What is told never goes back. */
export interface ByteProgress {
  /** `bytesTotal` is what is known of it by now. */
  update(bytesDone: number, bytesTotal: number | undefined): void
  finish(bytesDone: number): void
}

/** Progress of a transfer for the readers of a run, by the run's own clock. */
export function createByteProgress(context: Pick<StageContext, 'clock' | 'report'>): ByteProgress {
  const { clock } = context
  let nextAt = Number.NEGATIVE_INFINITY
  let said: string | undefined
  const report = (bytesDone: number, bytesTotal: number | undefined) => {
    const saying = `${bytesDone}/${bytesTotal}`
    if (saying === said) return
    said = saying
    const ratio = bytesTotal === undefined || bytesTotal === 0 ? undefined : Math.min(bytesDone / bytesTotal, 1)
    context.report({ bytesDone, ...(ratio !== undefined && { bytesTotal, ratio }) })
  }
  return {
    update(bytesDone, bytesTotal) {
      const now = clock.monotonic()
      if (now < nextAt) return
      nextAt = now + INTERVAL_MS
      report(bytesDone, bytesTotal)
    },
    finish: (bytesDone) => report(bytesDone, bytesDone),
  }
}
