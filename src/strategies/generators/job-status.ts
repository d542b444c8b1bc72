import type { TaskStatus } from '../../contracts/generator.js'
import { excerptOf, isRecord } from '../../upstream/error-details.js'
import { unreadable } from '../../upstream/json-answer.js'
import { pollAfterMs } from '../../upstream/retry-after.js'
import { contentVideo, type FinishedJob, namedVideo } from './finished-job.js'
import { jobIdOf } from './job-answer.js'
import { jobFailure, saysError } from './job-failure.js'
import { jobStateOf } from './job-state.js'
import { progressRatio } from './progress-ratio.js'

/** How long a server may say `completed` without naming a video, when it is not of the shape that never names one. */
export interface GracePolls {
  /** Whether there is still patience with a job; counts each time. */
  take(id: string): boolean
}

const GRACE_POLL_MS = 2_000
const LONGEST_PHASE = 60

/**
 * What an answer says of a job. `completed` with an error is a failure, an unknown word means that it runs, and an answer
 * without a state is judged by what it holds.
 */
export function jobStatus(job: FinishedJob, grace: GracePolls): TaskStatus {
  const { id, body, answer } = job
  const state = body.status === undefined ? undefined : jobStateOf(body.status)
  const error = body.error
  const fail = (word: string): TaskStatus => ({
    state: 'failed',
    error: jobFailure({ id, error, state: word, mask: answer.mask }),
  })
  switch (state) {
    case 'failed':
    case 'moderated':
    case 'cancelled':
    case 'expired':
      return fail(state)
    case 'completed':
      if (isWithheld(body)) return fail('moderated')
      return saysError(error) ? fail('failed') : finished(job, grace)
    case undefined: {
      // A gateway's own trouble, told under 200, is no verdict on the job: another generator must not be paid for it.
      if (saysError(error) && jobIdOf(body) === undefined) throw unreadable(answer, 'there is an error of no job')
      if (saysError(error)) return fail('failed')
      const video = namedVideo(job)
      return video === undefined ? { ...pending(job), state: 'running' } : { state: 'completed', video }
    }
    default:
      return { ...pending(job), state: state === 'queued' ? 'queued' : 'running' }
  }
}

function finished(job: FinishedJob, grace: GracePolls): TaskStatus {
  const video = namedVideo(job)
  if (video !== undefined) return { state: 'completed', video }
  // OpenAI's own object has no field for an address: the video is always at /content, and waiting would gain nothing.
  const namesNoVideo = job.body.object === 'video'
  if (namesNoVideo || !grace.take(job.id)) return { state: 'completed', video: contentVideo(job) }
  return { ...pending(job), state: 'running', pollAfterMs: GRACE_POLL_MS }
}

function pending({ body, answer, clock }: FinishedJob) {
  const ratio = progressRatio(body.progress)
  const after = pollAfterMs(answer.headers, clock.now())
  const phase = excerptOf(body.status ?? '', answer.mask).slice(0, LONGEST_PHASE)
  return {
    ...(ratio !== undefined && { ratio }),
    ...(phase !== '' && { phase }),
    ...(after !== undefined && { pollAfterMs: after }),
  }
}

// xAI says so beside the address of a video that it does not give out.
function isWithheld(body: FinishedJob['body']): boolean {
  const video = body.video
  return isRecord(video) && video.respect_moderation === false
}
