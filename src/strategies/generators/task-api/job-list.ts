import type { Api, ApiAnswer, ApiCall } from '../../../upstream/api.js'
import { isRecord } from '../../../upstream/is-record.js'
import { readJsonBody, unreadable } from '../../../upstream/json-answer.js'
import type { JobReader } from '../answers/job-answer.js'
import { isPlainPage } from './list-doubt.js'
import { listedEntries } from './listed-entries.js'

// The cursor of the next page, the plainest name first. The last two may also repeat that of the page itself.
const CURSORS = [
  ...['next_cursor', 'nextCursor', 'next_page_token', 'nextPageToken', 'next_token', 'nextToken', 'next', 'next_page'],
  ...['last_id', 'after', 'cursor'],
] as const
const PAGE_OBJECTS = ['pagination', 'paging', 'page_info', 'pageInfo', 'meta', 'metadata'] as const
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
  /** The cursor of the next page, or the id of the last job of this one. */
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
  return pageOf(answer, list.read, place)
}

function pageOf(answer: ApiAnswer, read: JobReader, { number, after }: PagePlace): JobPage {
  const body = readJsonBody(answer)
  const listed = listedEntries(body)
  if (listed === undefined) throw unreadable(answer, 'it has no list')
  const { entries, around } = listed
  const parts = [...around, ...around.flatMap((part) => PAGE_OBJECTS.map((name) => part[name]).filter(isRecord))]
  const { has_more: more, hasMore = more, total: counted } = Object.assign({}, ...parts)
  const isWhole = typeof counted === 'number' && counted === entries.length
  const cursors = CURSORS.flatMap((name) => parts.map((part) => [name, cursorOf(part[name])] as const))
  const cursor = cursors.find(([, value]) => value !== undefined && value !== after && !isAddress(value))?.[1]
  const hasCursor = cursors.some(([name, value]) => name !== 'last_id' && value !== undefined && value !== after)
  const isElsewhere = entries.length === 0 && isRecord(body) && holdsJobs(body, read)
  const known = isElsewhere ? true : flagOf(hasMore)
  return {
    answer,
    entries,
    isPlain: isPlainPage(answer, body, entries, number),
    total: totalOf(body),
    hasMore: known ?? (isWhole ? false : hasCursor ? true : undefined),
    after: cursor ?? read(entries.at(-1), { phase: 'list' }).id,
  }
}

// Some servers write it as a text or a number.
function flagOf(value: unknown): boolean | undefined {
  return /^(?:true|1)$/i.test(String(value)) ? true : /^(?:false|0)$/i.test(String(value)) ? false : undefined
}

function cursorOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value === '' ? undefined : value
  return Number.isSafeInteger(value) && value !== 0 ? String(value) : undefined
}

// The next page at an address has no cursor that a path could have.
function isAddress(cursor: string): boolean {
  return /^(?:https?:\/\/|\/|\?)/i.test(cursor)
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
