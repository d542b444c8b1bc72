import type { Api, ApiAnswer, ApiCall } from '../../../upstream/api.js'
import { isRecord } from '../../../upstream/is-record.js'
import { readJsonBody, unreadable } from '../../../upstream/json-answer.js'
import { readJob } from './job-answer.js'

const LISTS = ['data', 'videos', 'items', 'results', 'list', 'tasks'] as const
const CURSORS = ['next', 'next_cursor', 'next_page', 'next_page_token', 'nextPageToken', 'cursor'] as const
const PAGE = 100
const MAX_BYTES = 16_000_000

/** A page of the server's list. */
export interface VideoPage {
  readonly answer: ApiAnswer
  /** The jobs as the server wrote them. */
  readonly entries: readonly unknown[]
  /** Whether the server reports more jobs; `undefined` if it does not say. */
  readonly hasMore: boolean | undefined
  /** The cursor of the next page. */
  readonly after: string | undefined
}

/**
 * Reads a page of `GET /videos`: 100 jobs, the newest first, where the server honours that.
 * @throws UpstreamResponseError when the answer has no list; every error of `api.call`.
 */
export async function readVideoPage(
  api: Api,
  after: string | undefined,
  call: Pick<ApiCall, 'what' | 'signal' | 'timeoutMs'>,
): Promise<VideoPage> {
  const url = new URL(api.address('/videos'))
  url.searchParams.set('limit', String(PAGE))
  url.searchParams.set('order', 'desc')
  if (after !== undefined) url.searchParams.set('after', after)
  return pageOf(await api.call({ ...call, method: 'GET', url: url.href, maxBytes: MAX_BYTES }))
}

function pageOf(answer: ApiAnswer): VideoPage {
  const body = readJsonBody(answer)
  const entries = Array.isArray(body) ? body : LISTS.map((name) => Object(body)[name]).find(Array.isArray)
  if (entries === undefined) throw unreadable(answer, 'it has no list')
  const { has_more: more, hasMore = more, last_id: lastId, total } = isRecord(body) ? body : {}
  const isWhole = typeof total === 'number' && total === entries.length
  const hasCursor = isRecord(body) && CURSORS.some((name) => typeof body[name] === 'string' && body[name] !== '')
  const known = typeof hasMore === 'boolean' ? hasMore : undefined
  return {
    answer,
    entries,
    hasMore: known ?? (isWhole ? false : hasCursor ? true : undefined),
    after: typeof lastId === 'string' && lastId !== '' ? lastId : readJob(entries.at(-1)).id,
  }
}
