import type { StageContext } from '../../contracts/stage.js'

const INTERVAL_MS = 250

/** Reports how many bytes are done, at most four times a second and once at the end. The number never decreases. */
export interface ByteProgress {
  /** `bytesTotal` is the currently known length. */
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
