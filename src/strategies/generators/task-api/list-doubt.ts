import type { ApiAnswer } from '../../../upstream/api.js'
import { isRecord } from '../../../upstream/is-record.js'

type Rule = (value: unknown, page: Place) => boolean

interface Place {
  /** Number of the page, from 1. */
  readonly number: number
  readonly isEmpty: boolean
}

const OK = 200
const FINE =
  /^(?:0|200|ok|okay|true|success|successful|successfully|succeeded|成功|操作成功|请求成功|查询成功|获取成功)[.!。]?$/i
const CACHED = /\b(?:hit|stale|updating|revalidated)\b/i
const CACHES = ['x-cache', 'cf-cache-status', 'x-cache-status', 'x-proxy-cache', 'cache-status']

const anyValue: Rule = (value) => !isRecord(value) && !Array.isArray(value)
const fine: Rule = (value) => value === true || FINE.test(String(value).trim())
const off: Rule = (value) => value === false || value === 0
const count: Rule = (value) => /^\d+$/.test(String(value))
const reached: Rule = (value, { number, isEmpty }) =>
  count(value, { number, isEmpty }) && (!isEmpty || Number(value) <= number)
const cursor: Rule = (_, { isEmpty }) => !isEmpty
const part: Rule = (value, page) => isRecord(value) && isPlainPart(value, page)

// The fields that a plain list may have beside its jobs. The reader of the list compares counts and words of more with its jobs.
const FIELDS: ReadonlyMap<string, Rule> = new Map(
  (
    [
      [
        anyValue,
        'object has_more hasMore first_id last_id firstId lastId order sort request_id requestId trace_id traceId',
      ],
      [anyValue, 'log_id logid previous prev prev_cursor limit size page_size pageSize per_page timestamp took'],
      [count, 'total total_count totalCount total_items count'],
      [reached, 'page page_num pageNum page_number current_page total_pages totalPages page_count pages'],
      [(value, { number }) => value === 0 || (count(value, { number, isEmpty: false }) && number > 1), 'offset skip'],
      [cursor, 'next next_cursor nextCursor next_page next_page_token nextPageToken next_token nextToken cursor after'],
      [fine, 'code status status_code statusCode errcode error_code err_code retcode errno ret success ok complete'],
      [fine, 'msg message status_msg error_msg errmsg'],
      [
        off,
        'error errors warning warnings partial stale cached truncated degraded incomplete incomplete_results is_error',
      ],
      [off, 'has_next hasNext'],
      [part, 'pagination paging page_info pageInfo meta metadata base_resp'],
    ] satisfies readonly (readonly [Rule, string])[]
  ).flatMap(([rule, names]) => names.split(' ').map((name) => [name, rule] as const)),
)

/**
 * Whether a page of a list may prove that a job is absent: a plain list, without a field that casts doubt on it, such as an error, a
 * filter, or the mark of a copy that is out of date.
 */
export function isPlainPage(
  { status, headers }: ApiAnswer,
  body: unknown,
  entries: readonly unknown[],
  number: number,
) {
  const isCopy = Number(headers.get('age') ?? 0) > 0 || CACHES.some((name) => CACHED.test(headers.get(name) ?? ''))
  if (status !== OK || isCopy || headers.get('warning') !== null) return false
  const page = { number, isEmpty: entries.length === 0 }
  return !isRecord(body) || isPlainPart(body, page, entries)
}

function isPlainPart(part: Readonly<Record<string, unknown>>, page: Place, entries?: readonly unknown[]): boolean {
  return Object.entries(part).every(
    ([name, value]) =>
      value === entries ||
      isBlank(value) ||
      (isEnvelope(value, entries) && isPlainPart(value, page, entries)) ||
      FIELDS.get(name)?.(value, page) === true,
  )
}

// The object in which the entries are, such as `data` of `data.list`.
function isEnvelope(
  value: unknown,
  entries: readonly unknown[] | undefined,
): value is Readonly<Record<string, unknown>> {
  return isRecord(value) && Object.values(value).some((inner) => inner === entries || isEnvelope(inner, entries))
}

function isBlank(value: unknown): boolean {
  if (Array.isArray(value)) return value.length === 0
  return value === null || value === '' || (isRecord(value) && Object.keys(value).length === 0)
}
