import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { pollAfterMs, retryAfterMs } from '../../src/upstream/retry-after.js'

const NOW = Date.parse('Mon, 23 Nov 2026 10:00:00 GMT')
const read = (headers: Record<string, string>) => retryAfterMs(new Headers(headers), NOW)

describe('retryAfterMs', () => {
  test.each([
    [{}, undefined],
    [{ 'retry-after': '2' }, 2_000],
    [{ 'retry-after': '0.5' }, 500],
    [{ 'retry-after': '86400' }, 3_600_000],
    [{ 'retry-after': '-5' }, undefined],
    [{ 'retry-after': 'soon' }, undefined],
    [{ 'retry-after': 'Mon, 23 Nov 2026 10:00:09 GMT' }, 9_000],
    [{ 'retry-after': 'Mon, 23 Nov 2026 09:00:00 GMT' }, 0],
    [{ 'retry-after': 'Mon, 23 Nov 2099 09:00:00 GMT' }, 3_600_000],
    [{ 'retry-after': 'Mon, 23 Nov 2026 09:00:09 GMT', date: 'Mon, 23 Nov 2026 09:00:00 GMT' }, 9_000],
    [{ 'retry-after-ms': '1500', 'retry-after': '9' }, 1_500],
    [{ 'retry-after-ms': '99999999' }, 3_600_000],
    [{ 'retry-after-ms': 'soon', 'retry-after': '9' }, 9_000],
    [{ 'retry-after-ms': '9 ms' }, undefined],
    [{ 'retry-after': '0' }, 0],
    [{ 'retry-after': ' 12.25\t' }, 12_250],
    [{ 'retry-after': '0.0001' }, 1],
    [{ 'retry-after': '1.1234567891' }, undefined],
    [{ 'retry-after': '1.' }, undefined],
    [{ 'retry-after': '1e3' }, undefined],
    [{ 'retry-after': '123456789012345' }, 3_600_000],
    [{ 'retry-after': '1234567890123456' }, undefined],
    [{ 'retry-after': 'in 9 seconds' }, undefined],
    [{ 'retry-after': '9 seconds' }, undefined],
    [{ 'retry-after': '2026-11-23' }, undefined],
    [{ 'retry-after': 'Mon, 23 Nov 2026' }, undefined],
    [{ 'retry-after': 'Nov 23 2026 10:00:09 GMT' }, 9_000],
    [{ 'retry-after': 'Mon, 23 Nov 2026 10:00:09 GMT', date: 'today' }, 9_000],
  ])('reads %j as %s', (headers, expected) => {
    expect(read(headers as Record<string, string>)).toBe(expected)
  })

  test('is no longer than the caller allows', () => {
    expect(retryAfterMs(new Headers({ 'retry-after': '90' }), NOW, 60_000)).toBe(60_000)
    expect(retryAfterMs(new Headers({ 'retry-after-ms': '90000' }), NOW, 60_000)).toBe(60_000)
    expect(retryAfterMs(new Headers({ 'retry-after': 'Mon, 23 Nov 2026 10:09:00 GMT' }), NOW, 60_000)).toBe(60_000)
  })

  test('is absent or between 0 and an hour, whatever is sent', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[\x20-\x7e]*$/), (value) => {
        const ms = read({ 'retry-after': value })
        expect(ms === undefined || (ms >= 0 && ms <= 3_600_000)).toBe(true)
      }),
    )
  })
})

test('pollAfterMs prefers the hint for polls', () => {
  expect(pollAfterMs(new Headers({ 'openai-poll-after-ms': '700', 'retry-after': '9' }), NOW)).toBe(700)
  expect(pollAfterMs(new Headers({ 'retry-after': '9' }), NOW)).toBe(9_000)
  expect(pollAfterMs(new Headers({ 'openai-poll-after-ms': '1e99' }), NOW)).toBeUndefined()
  expect(pollAfterMs(new Headers({ 'openai-poll-after-ms': '99999999' }), NOW)).toBe(3_600_000)
})
