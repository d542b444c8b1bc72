import { isRecord } from '../../../upstream/is-record.js'

const LISTS = [
  ...['data', 'videos', 'items', 'results', 'list', 'tasks', 'jobs', 'records', 'rows', 'generations'],
  ...['task_list', 'taskList', 'job_list', 'jobList', 'video_list', 'videoList'],
] as const
const ENVELOPES = ['data', 'result', 'results', 'response', 'payload', 'output', 'page'] as const
const DEEPEST = 3

/** The entries of a list, and the objects around them, the outermost first. */
export interface ListedEntries {
  readonly entries: readonly unknown[]
  readonly around: readonly Readonly<Record<string, unknown>>[]
}

/** The first list in an answer, also inside envelopes such as `data.list`; another one beside it is not read. */
export function listedEntries(body: unknown, outer: ListedEntries['around'] = []): ListedEntries | undefined {
  if (Array.isArray(body)) return { entries: body, around: outer }
  if (!isRecord(body) || outer.length > DEEPEST) return undefined
  const around = [...outer, body]
  const own = LISTS.map((name) => body[name]).find(Array.isArray)
  if (own !== undefined) return { entries: own, around }
  const nested = ENVELOPES.map((name) => (isRecord(body[name]) ? listedEntries(body[name], around) : undefined))
  return nested.find((listed) => listed !== undefined)
}
