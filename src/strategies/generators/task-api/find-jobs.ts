import type { VideoRequest } from '../../../contracts/request.js'
import type { FindContext } from '../../../contracts/stage.js'
import type { Api, ApiAnswer, ApiCall } from '../../../upstream/api.js'
import { unreadable } from '../../../upstream/json-answer.js'
import { carriesSecret } from '../../../upstream/secret.js'
import { instantOf, type JobAnswer } from '../answers/job-answer.js'
import { type JobList, readJobPage } from './job-list.js'

const MOST_PAGES = 20
// How much the clocks of one server's machines, and rounded seconds, may differ.
const SKEW_MS = 60_000
// How much the server's clock may differ from the local one, if the answer has no date.
const UNKNOWN_SKEW_MS = 3_660_000
// A shorter one is likely the prompt of another job.
const LEAST_PREFIX = 64
const CUT = /(?:…|\.\.\.)$/
const ZONES_MS = 14 * 3_600_000
const ZONELESS = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?$/

/** When a submission may have been accepted, by the server's clock. */
interface Window {
  readonly since: number
}

type Place = 'inside' | 'before' | 'unclear'

/**
 * The jobs of the server's list that could be a submission: with the prompt that was sent, as the transport and the
 * server may have changed it, and not older than the submission by the server's own clock. `GET /videos` of the
 * retired OpenAI API lists the newest first, 100 at a time; other orders and page sizes are read to their end.
 * `'unclear'` if the list cannot prove that the job is absent: it omits prompts, ids or time zones, or may be cut
 * off.
 */
export async function findJobs(
  api: Api,
  list: JobList,
  request: VideoRequest,
  { submittedAt, clock }: FindContext,
  call: Pick<ApiCall, 'signal' | 'timeoutMs'>,
): Promise<readonly string[] | 'unclear'> {
  const prompt = sentPrompt(request)
  if (prompt === undefined) return 'unclear'
  const found = new Set<string>()
  const seen = new Set<string>()
  const times: number[] = []
  let after: string | undefined
  for (let number = 1; number <= MOST_PAGES; number += 1) {
    const page = await readJobPage(api, list, { number, after }, { ...call, what: 'look for the job' })
    const { answer } = page
    const window = windowOf(answer, submittedAt, clock.now())
    const jobs = page.entries.map((entry) => list.read(entry, { phase: 'list' }))
    const isNew = jobs.some(({ id }) => id === undefined || !seen.has(id))
    for (const job of jobs) {
      const place = placeOf(job, window)
      times.push(instantOf(zoned(job.createdAt)) ?? Number.POSITIVE_INFINITY)
      if (place === 'before') continue
      if (job.prompt === undefined || job.id === undefined) return 'unclear'
      seen.add(job.id)
      if (plain(job.prompt) !== prompt) {
        if (isAlike(job.prompt, prompt)) return 'unclear'
        continue
      }
      if (place === 'unclear') return 'unclear'
      if (carriesSecret(job.id, answer.secrets)) throw unreadable(answer, 'the id of the job contains the key')
      found.add(job.id)
    }
    const ids = [...found]
    if (page.hasMore === false) return ids
    // In a list with the newest first, only older jobs follow the first older one.
    if (areNewestFirst(times) && (times.at(-1) ?? 0) < window.since - ZONES_MS * Number(isZoneless(jobs))) return ids
    if (jobs.length === 0) return page.hasMore === true ? 'unclear' : ids
    // A server without pages repeats the same list; it is unclear whether that list is complete.
    if (!isNew || page.after === undefined || page.after === after) return 'unclear'
    after = page.after
  }
  return 'unclear'
}

function windowOf(answer: ApiAnswer, submittedAt: number, now: number): Window {
  const served = Date.parse(answer.headers.get('date') ?? '')
  const skewMs = Number.isNaN(served) ? UNKNOWN_SKEW_MS : SKEW_MS
  // The age is the same on every clock.
  return { since: (Number.isNaN(served) ? now : served) - (now - submittedAt) - skewMs }
}

// A time without a zone is read as UTC. If another zone would move it into the window, the result is unclear.
function placeOf({ createdAt }: JobAnswer, { since }: Window): Place {
  const at = instantOf(zoned(createdAt))
  if (at === undefined || at >= since) return 'inside'
  return isWithoutZone(createdAt) && at >= since - ZONES_MS ? 'unclear' : 'before'
}

function zoned(value: unknown): unknown {
  return isWithoutZone(value) ? `${String(value).replace(' ', 'T')}Z` : value
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

// The prompt that the server received: `providerOptions` are merged last.
function sentPrompt({ prompt, providerOptions = {} }: VideoRequest): string | undefined {
  const sent = Object.hasOwn(providerOptions, 'prompt') ? providerOptions.prompt : prompt
  return typeof sent === 'string' ? plain(sent) : undefined
}

// A server may shorten prompts in its list, or change their case and blanks: such a job may be the one that was sent.
function isAlike(listed: string, sent: string): boolean {
  const isCut = CUT.test(plain(listed))
  const [shown, whole] = [bare(listed), bare(sent)]
  return shown === whole || (shown !== '' && (isCut || shown.length >= LEAST_PREFIX) && whole.startsWith(shown))
}

function bare(prompt: string): string {
  return plain(prompt).replace(CUT, '').replace(/\s+/g, ' ').trim().toLowerCase()
}

// A form turns every line end into CRLF, and many servers trim.
function plain(prompt: string): string {
  return prompt.replace(/\r\n?/g, '\n').trim().normalize('NFC')
}
