import { jsonReply } from '../reply.js'
import type { VideoJob } from '../video-jobs.js'
import { bodyProblem, isFlag, isImage, isRatio, isText, isWhole, newJob, type ProviderFake } from './provider-fake.js'

const SHAPE = {
  prompt: isText,
  'image_url?': isImage,
  'duration?': (value: unknown) => typeof value === 'string' && /^\d{1,2}$/.test(value),
  'aspect_ratio?': isRatio,
  'seed?': isWhole,
  'generate_audio?': isFlag,
} as const

const refuse: ProviderFake['refuse'] = (status, message) => jsonReply(status, { detail: message })

// The addresses have a part that cannot be built from the id, as those of other owners do.
const addressesOf = (job: VideoJob, base: string) => ({
  request_id: job.id,
  response_url: `${base}/requests-of/${job.id}`,
  status_url: `${base}/requests-of/${job.id}/status`,
  cancel_url: `${base}/requests-of/${job.id}/cancel`,
})

/** fal's queue: the status of a failed job is `COMPLETED`, and its result is refused. */
export const fal: ProviderFake = {
  isAllowed: ({ authorization }, apiKey) => authorization === `Key ${apiKey}`,
  refuse,
  operations: [
    {
      endpoint: 'fal.poll',
      method: 'GET',
      path: /^\/requests-of\/([^/]+)\/status$/,
      handle({ jobs, id, base }) {
        const job = jobs.find(id)
        if (job === undefined) return refuse(404, 'Request not found')
        const { status } = job.state()
        if (status === 'queued')
          return jsonReply(202, { status: 'IN_QUEUE', queue_position: 1, ...addressesOf(job, base) })
        if (status === 'in_progress')
          return jsonReply(202, { status: 'IN_PROGRESS', logs: null, ...addressesOf(job, base) })
        const metrics = { inference_time: 12.5 }
        return jsonReply(200, { status: 'COMPLETED', logs: null, metrics, ...addressesOf(job, base) })
      },
    },
    {
      endpoint: 'fal.cancel',
      method: 'PUT',
      path: /^\/requests-of\/([^/]+)\/cancel$/,
      handle({ jobs, id }) {
        const state = jobs.find(id)?.state().status
        if (state === undefined) return jsonReply(404, { status: 'NOT_FOUND' })
        if (state === 'completed' || state === 'failed') return jsonReply(400, { status: 'ALREADY_COMPLETED' })
        jobs.delete(id)
        return jsonReply(202, { status: 'CANCELLATION_REQUESTED' })
      },
    },
    {
      endpoint: 'fal.result',
      method: 'GET',
      path: /^\/requests-of\/([^/]+)$/,
      handle({ jobs, id, videoUrl }) {
        const state = jobs.find(id)?.state()
        if (state === undefined) return refuse(404, 'Request not found')
        if (state.status === 'failed') {
          const isBlocked = state.error.code === 'moderation_blocked'
          const type = isBlocked ? 'content_policy_violation' : 'generation_error'
          return jsonReply(422, { detail: [{ loc: ['body', 'prompt'], msg: state.error.message, type }] })
        }
        if (state.status !== 'completed') return refuse(400, 'Request is still in progress')
        const video = { url: videoUrl(id) ?? '', content_type: 'video/mp4', file_size: state.video.byteLength }
        return jsonReply(200, { video, seed: 1 })
      },
    },
    {
      endpoint: 'fal.create',
      method: 'POST',
      path: /^\/([^/]+\/.+)$/,
      handle({ request, jobs, id: model, base }) {
        const problem = bodyProblem(request.body, SHAPE)
        if (problem !== undefined)
          return jsonReply(422, { detail: [{ loc: ['body'], msg: problem, type: 'value_error' }] })
        const { prompt, duration } = request.body as Record<string, string>
        const job = newJob(jobs, prompt, model, duration)
        return jsonReply(200, { status: 'IN_QUEUE', queue_position: 0, ...addressesOf(job, base) })
      },
    },
  ],
}
