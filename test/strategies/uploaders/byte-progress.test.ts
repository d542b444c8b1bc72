import { expect, test } from 'vitest'
import type { StageProgress } from '../../../src/contracts/stage.js'
import { createByteProgress } from '../../../src/strategies/uploaders/byte-progress.js'

function progressAt() {
  const reports: StageProgress[] = []
  const time = { now: 0 }
  const clock = { now: () => 0, monotonic: () => time.now, sleep: async () => undefined }
  return { reports, time, progress: createByteProgress({ clock, report: (said) => void reports.push(said) }) }
}

test('is reported at once, then four times a second at most, and at the end', () => {
  const { reports, time, progress } = progressAt()
  for (const [now, bytes] of [
    [0, 10],
    [249, 20],
    [250, 30],
    [499, 40],
    [500, 50],
  ] as const) {
    time.now = now
    progress.update(bytes, 100)
  }
  progress.finish(60)
  expect(reports).toEqual([
    { bytesDone: 10, bytesTotal: 100, ratio: 0.1 },
    { bytesDone: 30, bytesTotal: 100, ratio: 0.3 },
    { bytesDone: 50, bytesTotal: 100, ratio: 0.5 },
    { bytesDone: 60, bytesTotal: 60, ratio: 1 },
  ])
})

test('is reported once where nothing changed, and without a ratio where the total is unknown', () => {
  const { reports, time, progress } = progressAt()
  progress.update(0, 0)
  for (time.now = 1_000; time.now < 4_000; time.now += 1_000) progress.update(5, undefined)
  time.now = 5_000
  progress.update(12, 10)
  progress.finish(12)
  progress.finish(12)
  expect(reports).toEqual([
    { bytesDone: 0 },
    { bytesDone: 5 },
    { bytesDone: 12, bytesTotal: 10, ratio: 1 },
    { bytesDone: 12, bytesTotal: 12, ratio: 1 },
  ])
})
