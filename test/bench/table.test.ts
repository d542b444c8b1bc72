import { expect, test } from 'vitest'
import { median, medianRatio, quantile, short, times } from '../../bench/harness/figures.js'
import { tableOf } from '../../bench/harness/table.js'
import { readPrompt } from '../../bench/jobs/workload.js'

test('a ratio is the median of the ratios of the rounds, which one bad round does not move', () => {
  expect(medianRatio([2, 3, 400], [1, 2, 2])).toBe(2)
  expect(median([3, 1, 2])).toBe(2)
  expect(quantile([1, 2, 3, 4], 1)).toBe(4)
  expect(quantile([], 0.5)).toBeNaN()
})

test('figures have three digits at most', () => {
  expect([0.034, 9.994, 9.996, 99.94, 99.96, 1234.5].map(short)).toEqual([
    '0.03',
    '9.99',
    '10.0',
    '99.9',
    '100',
    '1235',
  ])
  expect(times(1.5)).toBe('1.50x')
})

test('the table shows which goals were met and missed, and leaves figures without a goal unjudged', () => {
  const rows = [
    { what: 'a', ours: '1', goal: '<= 1', isMet: true, floor: '0', peers: { b: '2', c: '3' } },
    { what: 'd', ours: '5', goal: '<= 4', isMet: false },
    { what: 'e', ours: '6' },
  ]
  expect(tableOf(rows).split('\n').slice(2)).toEqual([
    '| a | 1 | <= 1 | pass | 0 | b 2, c 3 |',
    '| d | 5 | <= 4 | FAIL |  |  |',
    '| e | 6 |  |  |  |  |',
  ])
})

test('the fake upstream reads its jobs out of any encoding of a submission', () => {
  expect(readPrompt('{"prompt":"bench job 7 of 1200 ms"}')).toEqual({ job: 7, durationMs: 1200 })
  expect(readPrompt('--x\r\n\r\nbench job -1 of 300 ms\r\n--x--')).toEqual({ job: -1, durationMs: 300 })
})
