// Run by `node --test`.
import assert from 'node:assert/strict'
import { afterEach, mock, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { byManualClock, byTimers } from './ten-minutes.mjs'

afterEach(() => mock.timers.reset())

for (const apis of [undefined, ['setTimeout', 'Date'], ['setImmediate']]) {
  test(`manualClock with ${apis ?? 'all'} mocked`, async () => {
    mock.timers.enable(apis && { apis })
    assert.equal(await byManualClock(), 606_000)
  })
}

test('a run by the clock of the machine needs performance.now to be mocked as well', async () => {
  mock.timers.enable({ apis: ['setTimeout', 'Date'] })
  const advance = async (ms) => {
    mock.timers.tick(ms)
    await turn()
  }
  assert.equal(await byTimers(advance), undefined)
  mock.method(performance, 'now', () => Date.now())
  assert.equal(await byTimers(advance), 606_000)
})
