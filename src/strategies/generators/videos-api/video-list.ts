import type { Api } from '../../../upstream/api.js'
import { readJob } from '../answers/job-answer.js'
import type { JobList } from '../task-api/job-list.js'

const PAGE = 100

/** `GET /videos`: 100 jobs a page, the newest first, where the server honours that. */
export function videoList(api: Api): JobList {
  return {
    read: readJob,
    urlOf({ after }) {
      const url = new URL(api.address('/videos'))
      url.searchParams.set('limit', String(PAGE))
      url.searchParams.set('order', 'desc')
      if (after !== undefined) url.searchParams.set('after', after)
      return url.href
    },
  }
}
