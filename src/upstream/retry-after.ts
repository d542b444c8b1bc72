// A day, as some proxies say, is no waiting time; whoever waits asks again after an hour at the latest.
const LONGEST_MS = 3_600_000

/**
 * How long an answer asks to wait, in milliseconds from 0 to the longest: `retry-after-ms`, else `retry-after` in seconds or as
 * an HTTP date. `undefined` when it does not say, or says nonsense.
 *
 * @param now - Epoch milliseconds, for a date in an answer without a `date` of its own.
 * @param longestMs - One hour if it is left out.
 */
export function retryAfterMs(headers: Headers, now: number, longestMs = LONGEST_MS): number | undefined {
  const exact = wholeNumber(headers.get('retry-after-ms'))
  if (exact !== undefined) return Math.min(exact, longestMs)
  const value = headers.get('retry-after')
  if (value === null) return undefined
  const seconds = wholeNumber(value)
  if (seconds !== undefined) return Math.min(Math.ceil(seconds * 1000), longestMs)
  // Only a real date: the platform's parser also makes a year of "-5".
  const date = /[a-z]{3}.*\d{2}:\d{2}/i.test(value) ? Date.parse(value) : Number.NaN
  return Number.isNaN(date) ? undefined : Math.min(Math.max(0, date - serverTime(headers, now)), longestMs)
}

/** How long to wait before the next poll: `openai-poll-after-ms`, else what {@link retryAfterMs} reads. */
export function pollAfterMs(headers: Headers, now: number): number | undefined {
  const hint = wholeNumber(headers.get('openai-poll-after-ms'))
  return hint === undefined ? retryAfterMs(headers, now) : Math.min(hint, LONGEST_MS)
}

// Two clocks that differ by minutes would make nonsense of a date: the server's own tells what it meant.
function serverTime(headers: Headers, now: number): number {
  const time = Date.parse(headers.get('date') ?? '')
  return Number.isNaN(time) ? now : time
}

function wholeNumber(value: string | null): number | undefined {
  return value !== null && /^\s*\d{1,15}(\.\d{1,9})?\s*$/.test(value) ? Number(value) : undefined
}
