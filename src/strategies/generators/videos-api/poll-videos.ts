import type { TaskStatus } from '../../../contracts/generator.js'
import type { Api, ApiAnswer, ApiCall } from '../../../upstream/api.js'
import { isRecord } from '../../../upstream/is-record.js'
import { type JobAnswer, readJob } from './job-answer.js'
import { readVideoPage } from './video-list.js'

// The newest hundred jobs are worth one request for ten polls.
const POLLS_OF_A_PAGE = 10

/**
 * The statuses of jobs from the server's list, the newest page first: at most one page for ten jobs. Only a job whose id
 * is exactly the one that was asked for counts, and one that the list repeats does not. A job that is not listed, or
 * cannot be read, has no status.
 */
export async function pollVideos(
  api: Api,
  ids: readonly string[],
  read: (job: JobAnswer, answer: ApiAnswer) => TaskStatus | undefined,
  call: Pick<ApiCall, 'signal' | 'timeoutMs'>,
): Promise<ReadonlyMap<string, TaskStatus>> {
  const wanted = new Set(ids)
  const statuses = new Map<string, TaskStatus>()
  const seen = new Set<string>()
  let after: string | undefined
  for (let left = Math.ceil(wanted.size / POLLS_OF_A_PAGE); left > 0 && statuses.size < wanted.size; left -= 1) {
    const page = await readVideoPage(api, after, { ...call, what: 'list the jobs' })
    const listed = page.entries.map(idOf)
    // A server without pages repeats the same list.
    if (listed.every((id) => id === undefined || seen.has(id))) break
    for (const [index, id] of listed.entries()) {
      if (id === undefined) continue
      const isRepeated = seen.has(id)
      seen.add(id)
      if (!wanted.has(id)) continue
      const job = readJob(page.entries[index])
      const status = isRepeated || job.id !== id ? undefined : statusOf(read, job, page.answer)
      if (status === undefined) statuses.delete(id)
      else statuses.set(id, status)
    }
    if (page.hasMore === false || page.after === undefined || page.after === after) break
    after = page.after
  }
  return statuses
}

// Most jobs of a list belong to others: only an id under another name needs the whole reading.
function idOf(entry: unknown): string | undefined {
  return isRecord(entry) && typeof entry.id === 'string' ? entry.id : readJob(entry).id
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
