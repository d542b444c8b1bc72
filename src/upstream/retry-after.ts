import type { AnswerHeaders } from './answer.js'

// A day, as some proxies request, is too long to wait; the next poll follows after an hour at the latest.
const LONGEST_MS = 3_600_000

/**
 * The wait that an answer requests, in milliseconds from 0 to the maximum: `retry-after-ms`, else `retry-after` in
 * seconds or as an HTTP date. `undefined` if it is missing or invalid.
 *
 * @param now - Epoch milliseconds, for a date in an answer without its own `date`.
 * @param longestMs - The maximum; one hour by default.
 */
export function retryAfterMs(headers: AnswerHeaders, now: number, longestMs = LONGEST_MS): number | undefined {
  const exact = wholeNumber(headers.get('retry-after-ms'))
  if (exact !== undefined) return Math.min(exact, longestMs)
  const value = headers.get('retry-after')
  if (value === null) return undefined
  const seconds = wholeNumber(value)
  if (seconds !== undefined) return Math.min(Math.ceil(seconds * 1000), longestMs)
  // Only an HTTP date: the platform's parser also reads "-5" as a year.
  const date = /[a-z]{3}.*\d{2}:\d{2}/i.test(value) ? Date.parse(value) : Number.NaN
  return Number.isNaN(date) ? undefined : Math.min(Math.max(0, date - serverTime(headers, now)), longestMs)
}

/** How long to wait before the next poll: `openai-poll-after-ms`, else what {@link retryAfterMs} reads. */
export function pollAfterMs(headers: AnswerHeaders, now: number): number | undefined {
  const hint = wholeNumber(headers.get('openai-poll-after-ms'))
  return hint === undefined ? retryAfterMs(headers, now) : Math.min(hint, LONGEST_MS)
}

// Clocks may differ by minutes, so a date is compared with the server's own time.
function serverTime(headers: AnswerHeaders, now: number): number {
  const time = Date.parse(headers.get('date') ?? '')
  return Number.isNaN(time) ? now : time
}

function wholeNumber(value: string | null): number | undefined {
  return value !== null && /^\s*\d{1,15}(\.\d{1,9})?\s*$/.test(value) ? Number(value) : undefined
}
