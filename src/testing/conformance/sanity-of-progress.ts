import assert from 'node:assert/strict'
import type { StageProgress } from '../../contracts/stage.js'

/** Asserts ratios from 0 to 1 and byte counts that never decrease. */
export function sanityOfProgress(progress: readonly StageProgress[]): void {
  let lastRatio = 0
  let lastBytes = 0
  for (const { ratio = lastRatio, bytesDone = lastBytes, bytesTotal = Number.POSITIVE_INFINITY } of progress) {
    assert.ok(ratio >= 0 && ratio <= 1, `ratio must be from 0 to 1, but is: ${ratio}`)
    assert.ok(ratio >= lastRatio, `ratio must not decrease, but fell from ${lastRatio} to: ${ratio}`)
    assert.ok(bytesDone >= lastBytes, `bytesDone must not decrease, but fell from ${lastBytes} to: ${bytesDone}`)
    assert.ok(bytesDone <= bytesTotal, `bytesDone must be at most bytesTotal, but is: ${bytesDone} of ${bytesTotal}`)
    lastRatio = ratio
    lastBytes = bytesDone
  }
}
