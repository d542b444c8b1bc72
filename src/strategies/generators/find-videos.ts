import * as z from 'zod/mini'
import type { VideoRequest } from '../../contracts/request.js'
import type { FindContext } from '../../contracts/stage.js'
import type { Api, ApiCall } from '../../upstream/api.js'
import { readJsonAnswer, unreadable } from '../../upstream/json-answer.js'
import { carriesSecret } from '../../upstream/secret.js'
import { instantOf, JobAnswer, jobIdOf } from './job-answer.js'

const VideoList = z.looseObject({
  data: z.array(JobAnswer),
  has_more: z.catch(z.optional(z.boolean()), undefined),
  last_id: z.catch(z.optional(z.string()), undefined),
})

const PAGE = 100
const MOST_PAGES = 20
// How far the clock of the server may be behind ours.
const SKEW_MS = 60_000

/**
 * The jobs of the server's list that could be a submission: same prompt, and not older than it. `GET /videos` of the retired
 * OpenAI API lists the newest first, 100 at a time. `'unclear'` when the list cannot prove that the job is absent: it leaves out
 * prompts or ids, or is cut off.
 */
export async function findVideos(
  api: Api,
  request: VideoRequest,
  { submittedAt }: FindContext,
  call: Pick<ApiCall, 'signal' | 'timeoutMs'>,
): Promise<readonly string[] | 'unclear'> {
  const found: string[] = []
  let after: string | undefined
  for (let page = 0; page < MOST_PAGES; page += 1) {
    const url = new URL(api.address('/videos'))
    url.searchParams.set('limit', String(PAGE))
    url.searchParams.set('order', 'desc')
    if (after !== undefined) url.searchParams.set('after', after)
    const what = 'look for the job'
    const answer = await api.call({ ...call, what, method: 'GET', url: url.href, maxBytes: 16_000_000 })
    const { data, has_more: hasMore, last_id: lastId } = readJsonAnswer(answer, VideoList)
    const recent = data.filter(
      (job) => (instantOf(job.created_at) ?? Number.POSITIVE_INFINITY) >= submittedAt - SKEW_MS,
    )
    for (const job of recent) {
      if (typeof job.prompt !== 'string') return 'unclear'
      if (job.prompt !== request.prompt) continue
      const id = jobIdOf(job)
      if (id === undefined) return 'unclear'
      if (carriesSecret(id, answer.secrets)) throw unreadable(answer, 'the id of the job carries the key')
      found.push(id)
    }
    after = lastId ?? data.map(jobIdOf).at(-1)
    // The newest come first: past the first older one there are only older ones.
    if (recent.length < data.length) return found
    // A full page that does not say whether it is the last may be cut off.
    const isLast = hasMore === undefined ? data.length < PAGE : !hasMore
    if (isLast) return found
    if (hasMore === undefined || after === undefined) return 'unclear'
  }
  return 'unclear'
}
