import type { TaskStatus } from '../../../contracts/generator.js'
import type { Api, ApiAnswer, ApiCall } from '../../../upstream/api.js'
import { isRecord } from '../../../upstream/is-record.js'
import type { JobAnswer, JobReader } from '../answers/job-answer.js'
import { type JobList, readJobPage } from './job-list.js'

// The newest hundred jobs are worth one request for ten polls.
const POLLS_OF_A_PAGE = 10
// The first may show only newer jobs.
const LEAST_PAGES = 2
// 2,000 jobs: with more, those below are polled alone.
const MOST_PAGES = 20

/**
 * The statuses of jobs, the newest first, from the server's list: at most one page for ten jobs, and two for few, at most twenty. A page that fails after the first ends the list. Only a job whose id
 * is exactly the one that was asked for counts, and one that the list repeats does not. A job that is not listed, or
 * cannot be read, has no status.
 */
export async function pollListedJobs(
  api: Api,
  list: JobList,
  ids: readonly string[],
  read: (job: JobAnswer, answer: ApiAnswer) => TaskStatus | undefined,
  call: Pick<ApiCall, 'signal' | 'timeoutMs'>,
): Promise<ReadonlyMap<string, TaskStatus>> {
  const wanted = new Set(ids)
  const statuses = new Map<string, TaskStatus>()
  const seen = new Set<string>()
  let after: string | undefined
  const pages = Math.min(MOST_PAGES, Math.max(LEAST_PAGES, Math.ceil(wanted.size / POLLS_OF_A_PAGE)))
  for (let number = 1; number <= pages && statuses.size < wanted.size; number += 1) {
    const page = await readJobPage(api, list, { number, after }, { ...call, what: 'list the jobs' }).catch(
      (error: unknown) => {
        if (seen.size === 0 || call.signal.aborted) throw error
      },
    )
    // What the pages before it say is still known.
    if (page === undefined) break
    const listed = page.entries.map((entry) => idOf(entry, list.read))
    // A server without pages repeats the same list.
    if (listed.every((id) => id === undefined || seen.has(id))) break
    for (const [index, id] of listed.entries()) {
      if (id === undefined) continue
      const isRepeated = seen.has(id)
      seen.add(id)
      if (!wanted.has(id)) continue
      const job = list.read(page.entries[index], { phase: 'list' })
      const status = isRepeated || job.id !== id ? undefined : statusOf(read, job, page.answer)
      if (status === undefined) statuses.delete(id)
      else statuses.set(id, status)
    }
    // Below many newer jobs the list is read from the newest one that was asked for, which then has no status.
    const isBelow = !listed.some((id) => id !== undefined && wanted.has(id))
    const next = isBelow ? ids.find((id) => !seen.has(id) && wanted.delete(id)) : page.after
    if (page.hasMore === false || next === undefined || next === after) break
    after = next
  }
  return statuses
}

// Most jobs of a list belong to others: only an id under another name needs the whole reading.
function idOf(entry: unknown, read: JobReader): string | undefined {
  return isRecord(entry) && typeof entry.id === 'string' ? entry.id : read(entry, { phase: 'list' }).id
}

function statusOf(
  read: (job: JobAnswer, answer: ApiAnswer) => TaskStatus | undefined,
  job: JobAnswer,
  answer: ApiAnswer,
): TaskStatus | undefined {
  try {
    return read(job, answer)
  } catch {
    return undefined // Its own poll reports what is wrong.
  }
}
