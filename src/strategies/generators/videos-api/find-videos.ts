import type { VideoRequest } from '../../../contracts/request.js'
import type { FindContext } from '../../../contracts/stage.js'
import type { Api, ApiAnswer, ApiCall } from '../../../upstream/api.js'
import { isRecord } from '../../../upstream/is-record.js'
import { readJsonBody, unreadable } from '../../../upstream/json-answer.js'
import { carriesSecret } from '../../../upstream/secret.js'
import { instantOf, type JobAnswer, readJob } from './job-answer.js'

const LISTS = ['data', 'videos', 'items', 'results', 'list', 'tasks'] as const
const CURSORS = ['next', 'next_cursor', 'next_page', 'next_page_token', 'nextPageToken', 'cursor'] as const
const PAGE = 100
const MOST_PAGES = 20
// How much the clocks of one server's machines, and rounded seconds, may differ.
const SKEW_MS = 60_000
// How much the server's clock may differ from the local one, if the answer has no date.
const UNKNOWN_SKEW_MS = 3_660_000
const ZONES_MS = 14 * 3_600_000
const ZONELESS = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?$/

interface Page {
  readonly jobs: readonly JobAnswer[]
  /** Whether the server reports more jobs; `undefined` if it does not say. */
  readonly hasMore: boolean | undefined
  readonly after: string | undefined
}

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
export async function findVideos(
  api: Api,
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
  for (let number = 0; number < MOST_PAGES; number += 1) {
    const answer = await readPage(api, after, call)
    const window = windowOf(answer, submittedAt, clock.now())
    const page = pageOf(answer)
    const isNew = page.jobs.some(({ id }) => id === undefined || !seen.has(id))
    for (const job of page.jobs) {
      const place = placeOf(job, window)
      times.push(instantOf(zoned(job.createdAt)) ?? Number.POSITIVE_INFINITY)
      if (place === 'before') continue
      if (job.prompt === undefined || job.id === undefined) return 'unclear'
      seen.add(job.id)
      if (plain(job.prompt) !== prompt) continue
      if (place === 'unclear') return 'unclear'
      if (carriesSecret(job.id, answer.secrets)) throw unreadable(answer, 'the id of the job contains the key')
      found.add(job.id)
    }
    const ids = [...found]
    if (page.hasMore === false) return ids
    // In a list with the newest first, only older jobs follow the first older one.
    if (areNewestFirst(times) && (times.at(-1) ?? 0) < window.since - ZONES_MS * Number(isZoneless(page))) return ids
    if (page.jobs.length === 0) return page.hasMore === true ? 'unclear' : ids
    // A server without pages repeats the same list; it is unclear whether that list is complete.
    if (!isNew || page.after === undefined || page.after === after) return 'unclear'
    after = page.after
  }
  return 'unclear'
}

async function readPage(api: Api, after: string | undefined, call: Pick<ApiCall, 'signal' | 'timeoutMs'>) {
  const url = new URL(api.address('/videos'))
  url.searchParams.set('limit', String(PAGE))
  url.searchParams.set('order', 'desc')
  if (after !== undefined) url.searchParams.set('after', after)
  return api.call({ ...call, what: 'look for the job', method: 'GET', url: url.href, maxBytes: 16_000_000 })
}

function pageOf(answer: ApiAnswer): Page {
  const body = readJsonBody(answer)
  const list = Array.isArray(body) ? body : LISTS.map((name) => Object(body)[name]).find(Array.isArray)
  if (list === undefined) throw unreadable(answer, 'it has no list')
  const jobs = list.map(readJob)
  const { has_more: more, hasMore = more, last_id: lastId, total } = isRecord(body) ? body : {}
  const isWhole = typeof total === 'number' && total === jobs.length
  const hasCursor = isRecord(body) && CURSORS.some((name) => typeof body[name] === 'string' && body[name] !== '')
  const known = typeof hasMore === 'boolean' ? hasMore : undefined
  return {
    jobs,
    hasMore: known ?? (isWhole ? false : hasCursor ? true : undefined),
    after: typeof lastId === 'string' && lastId !== '' ? lastId : jobs.at(-1)?.id,
  }
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

function isZoneless({ jobs }: Page): boolean {
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

// A form turns every line end into CRLF, and many servers trim.
function plain(prompt: string): string {
  return prompt.replace(/\r\n?/g, '\n').trim().normalize('NFC')
}
