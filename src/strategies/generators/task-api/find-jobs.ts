import type { FindContext } from '../../../contracts/stage.js'
import type { Api, ApiAnswer, ApiCall } from '../../../upstream/api.js'
import { unreadable } from '../../../upstream/json-answer.js'
import { carriesSecret } from '../../../upstream/secret.js'
import { instantOf, type JobAnswer } from '../answers/job-answer.js'
import { type JobList, readJobPage } from './job-list.js'
import { matchOfPrompts, type SentPrompts } from './prompt-match.js'

const MOST_PAGES = 20
// How much the clocks of one server's machines, and rounded seconds, may differ.
const SKEW_MS = 60_000
// How much the times in a list may differ from the clock of the answer, or of this process, which another machine may have.
const UNKNOWN_SKEW_MS = 3_660_000
// No API of this kind is older: an earlier time is not one, such as the seconds since a server started.
const EARLIEST = Date.UTC(2000, 0)
// How much an unknown clock of a server may be off.
const DAY_MS = 24 * 3_600_000
const ZONES_MS = 14 * 3_600_000
// The end of a time with a zone.
const ZONE = /(?:z|[+-]\d\d(?::?\d\d)?|\b(?:gmt|utc))$/i
const DAY = /^\d{4}-\d\d-\d\d$/
const ZONELESS = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?$/

/** When a submission may have been accepted, by the clock of the list. */
interface Window {
  readonly since: number
  /** Earlier jobs are certainly older, whatever the clock of the server. */
  readonly doubtSince: number
}

interface ListClock {
  readonly now: number
  /** Whether it is the clock of the server. */
  readonly isServed: boolean
}

type Place = 'inside' | 'before' | 'unclear'

/**
 * The jobs of the server's list that could be a submission: with the prompt that was sent, as the transport and the
 * server may have changed it, and not older than the submission by the times of the list itself. `GET /videos` of the
 * retired OpenAI API lists the newest first, 100 at a time; other orders and page sizes are read to their end.
 * `'unclear'` if the list cannot prove that the job is absent: it omits prompts, ids or time zones, may be cut off, is
 * empty beside jobs elsewhere in the answer, or another field casts doubt on it, such as an error.
 */
export async function findJobs(
  api: Api,
  list: JobList,
  prompts: SentPrompts,
  { submittedAt, clock }: FindContext,
  call: Pick<ApiCall, 'signal' | 'timeoutMs'>,
): Promise<readonly string[] | 'unclear'> {
  const found = new Set<string>()
  const seen = new Set<string>()
  const times: number[] = []
  let newest = 0
  let isPlain = prompts.isKnown
  let after: string | undefined
  for (let number = 1; number <= MOST_PAGES; number += 1) {
    const page = await readJobPage(api, list, { number, after }, { ...call, what: 'look for the job' })
    const { answer } = page
    isPlain &&= page.isPlain
    const jobs = page.entries.map((entry) => list.read(entry, { phase: 'list' }))
    times.push(...jobs.map(({ createdAt }) => timeOf(createdAt) ?? Number.POSITIVE_INFINITY))
    const served = clockOf(answer, clock.now())
    newest = newestOf(jobs, served.now + SKEW_MS, newest)
    const window = windowOf(newest, served, Math.max(0, clock.now() - submittedAt))
    const isNew = jobs.some(({ id }) => id === undefined || !seen.has(id))
    for (const job of jobs) {
      const place = placeOf(job, window)
      if (place === 'before') continue
      const { id } = job
      const listed = job.prompts.filter((prompt) => prompt.trim() !== '')
      if (listed.length === 0 || id === undefined) return 'unclear'
      seen.add(id)
      const match = matchOfPrompts(listed, prompts)
      // A job with the very prompt may be listed as well.
      isPlain &&= match !== 'alike'
      if (match !== 'same') continue
      if (place === 'unclear') return 'unclear'
      if (carriesSecret(id, answer.secrets)) throw unreadable(answer, 'the id of the job contains the key')
      found.add(id)
    }
    // A job that is listed is proof, whatever else the list says.
    const ids = found.size === 0 && !isPlain ? 'unclear' : [...found]
    const isCounted = page.total !== undefined && page.total > times.length
    if (page.hasMore === false && jobs.length > 0) return found.size === 0 && isCounted ? 'unclear' : ids
    // In a list with the newest first, only older jobs follow the first older one.
    if (areNewestFirst(times) && (times.at(-1) ?? 0) < window.doubtSince - ZONES_MS * Number(isZoneless(jobs)))
      return ids
    if (jobs.length === 0) return page.hasMore === true || isCounted ? 'unclear' : ids
    // A server without pages repeats the same list; it is unclear whether that list is complete.
    if (!isNew || page.after === undefined || page.after === after) return 'unclear'
    after = page.after
  }
  return 'unclear'
}

// The age of the submission is the same on every clock. A job is certainly older if it is so by the newest time of the list, or by
// more than two clocks may differ: the times of a list may be those of another machine than the one that dates its answers.
function windowOf(newest: number, { now, isServed }: ListClock, ageMs: number): Window {
  const [byClock, byList] = [now - ageMs - UNKNOWN_SKEW_MS, newest - ageMs - SKEW_MS]
  return { since: Math.max(byClock, byList), doubtSince: Math.max(isServed ? byClock : byClock - DAY_MS, byList) }
}

function clockOf({ headers }: ApiAnswer, now: number): ListClock {
  const served = Date.parse(headers.get('date') ?? '')
  return Number.isNaN(served) ? { now, isServed: false } : { now: served, isServed: true }
}

// A time without a zone is read as UTC. If another zone would move it into the window, the result is unclear.
function placeOf({ createdAt }: JobAnswer, { since, doubtSince }: Window): Place {
  const at = timeOf(createdAt)
  if (at === undefined || at >= since) return 'inside'
  return at >= doubtSince - ZONES_MS * Number(isWithoutZone(createdAt)) ? 'unclear' : 'before'
}

// `undefined` for a time that cannot be one of a job, is only a day, or is in the zone of the server in words.
function timeOf(value: unknown): number | undefined {
  const text = typeof value === 'string' ? value.trim() : undefined
  if (text !== undefined && (DAY.test(text) || !(/^\d+$/.test(text) || ZONELESS.test(text) || ZONE.test(text))))
    return undefined
  const at = instantOf(isWithoutZone(value) ? `${String(text).replace(' ', 'T')}Z` : (text ?? value))
  return at === undefined || at < EARLIEST ? undefined : at
}

// A time in the future, or in an unknown zone, is not one of the clock of the list.
function newestOf(jobs: readonly JobAnswer[], latest: number, former: number): number {
  const times = jobs.map(({ createdAt }) => (isWithoutZone(createdAt) ? undefined : timeOf(createdAt)) ?? 0)
  return Math.max(former, ...times.filter((at) => at <= latest))
}

function isWithoutZone(value: unknown): boolean {
  return typeof value === 'string' && ZONELESS.test(value.trim())
}

function isZoneless(jobs: readonly JobAnswer[]): boolean {
  return jobs.some(({ createdAt }) => isWithoutZone(createdAt))
}

function areNewestFirst(times: readonly number[]): boolean {
  const isFalling = times.every((time, index) => index === 0 || time <= (times[index - 1] ?? time))
  return isFalling && (times[0] ?? 0) > (times.at(-1) ?? 0)
}
