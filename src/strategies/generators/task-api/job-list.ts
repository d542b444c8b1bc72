import type { Api, ApiAnswer, ApiCall } from '../../../upstream/api.js'
import { isRecord } from '../../../upstream/is-record.js'
import { readJsonBody, unreadable } from '../../../upstream/json-answer.js'
import type { JobReader } from '../answers/job-answer.js'
import { isPlainPage } from './list-doubt.js'
import { listedEntries } from './listed-entries.js'

const CURSORS = ['next', 'next_cursor', 'next_page', 'next_page_token', 'nextPageToken', 'cursor'] as const
const TOTALS = ['total', 'total_count', 'totalCount', 'total_items', 'count'] as const
const DEEPEST = 4
const MAX_BYTES = 16_000_000

/** A page of the server's list. */
export interface JobPage {
  readonly answer: ApiAnswer
  /** The jobs as the server wrote them. */
  readonly entries: readonly unknown[]
  /** Whether the server reports more jobs; `undefined` if it does not say. */
  readonly hasMore: boolean | undefined
  /** How many jobs the server counts, on all pages. */
  readonly total: number | undefined
  /** The cursor of the next page. */
  readonly after: string | undefined
  /** Whether nothing in the answer makes it doubtful that the page has all its jobs. */
  readonly isPlain: boolean
}

/** The list of jobs of a server. */
export interface JobList {
  /** Address of a page; the first one is number 1, without a cursor. */
  readonly urlOf: (place: PagePlace) => string
  readonly read: JobReader
}

/** Where a page is. */
export interface PagePlace {
  readonly number: number
  /** Cursor, or id of the last job, of the page before. */
  readonly after: string | undefined
}

/**
 * Reads a page of a list of jobs.
 * @throws UpstreamResponseError when the answer has no list; every error of `api.call`.
 */
export async function readJobPage(
  api: Api,
  list: JobList,
  place: PagePlace,
  call: Pick<ApiCall, 'what' | 'signal' | 'timeoutMs'>,
): Promise<JobPage> {
  const answer = await api.call({ ...call, method: 'GET', url: list.urlOf(place), maxBytes: MAX_BYTES })
  return pageOf(answer, list.read, place.number)
}

function pageOf(answer: ApiAnswer, read: JobReader, number: number): JobPage {
  const body = readJsonBody(answer)
  const listed = listedEntries(body)
  if (listed === undefined) throw unreadable(answer, 'it has no list')
  const { entries, around } = listed
  const { has_more: more, hasMore = more, last_id: lastId, total: counted } = Object.assign({}, ...around)
  const isWhole = typeof counted === 'number' && counted === entries.length
  const hasCursor = around.some((part) => CURSORS.some((name) => typeof part[name] === 'string' && part[name] !== ''))
  const isElsewhere = entries.length === 0 && isRecord(body) && holdsJobs(body, read)
  const known = isElsewhere ? true : typeof hasMore === 'boolean' ? hasMore : undefined
  return {
    answer,
    entries,
    isPlain: isPlainPage(answer, body, entries, number),
    total: totalOf(body),
    hasMore: known ?? (isWhole ? false : hasCursor ? true : undefined),
    after: typeof lastId === 'string' && lastId !== '' ? lastId : read(entries.at(-1), { phase: 'list' }).id,
  }
}

// The jobs may be under a name that is not known.
function holdsJobs(value: unknown, read: JobReader, depth = 0): boolean {
  if (depth > DEEPEST) return false
  if (Array.isArray(value))
    return value.some((entry) => isRecord(entry) && read(entry, { phase: 'list' }).id !== undefined)
  return isRecord(value) && Object.values(value).some((part) => holdsJobs(part, read, depth + 1))
}

function totalOf(body: unknown): number | undefined {
  const parts = isRecord(body) ? [body, ...Object.values(body).filter(isRecord)] : []
  const values = parts.flatMap((part) => TOTALS.map((name) => part[name]))
  const counts = values.filter((count) => /^\d+$/.test(String(count)))
  return counts.length === 0 ? undefined : Math.max(...counts.map(Number))
}
