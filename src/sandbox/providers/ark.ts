import type { JsonValue } from '../../contracts/json.js'
import { emptyReply, jsonReply } from '../reply.js'
import { isContent, promptIn } from './content-body.js'
import { bodyProblem, isFlag, isRatio, isText, isWhole, newJob, objectIn, type ProviderFake } from './provider-fake.js'

const SHAPE = {
  model: isText,
  content: isContent,
  'resolution?': (value: JsonValue) => /^\d+p$/.test(String(value)),
  'ratio?': isRatio,
  'duration?': isWhole,
  'seed?': isWhole,
  'generate_audio?': isFlag,
  'callback_url?': isText,
} as const
const WORDS = { queued: 'queued', in_progress: 'running', completed: 'succeeded', failed: 'failed' } as const

const refuse: ProviderFake['refuse'] = (status, message) =>
  jsonReply(status, {
    error: { code: status === 404 ? 'ResourceNotFound' : 'InvalidParameter', message, param: '', type: 'BadRequest' },
  })

/** Seedance at Ark: only a task in line can be cancelled; the same request deletes one that is over. */
export const ark: ProviderFake = {
  isAllowed: ({ authorization }, apiKey) => authorization === `Bearer ${apiKey}`,
  refuse,
  operations: [
    {
      endpoint: 'ark.create',
      method: 'POST',
      path: /^\/contents\/generations\/tasks$/,
      handle({ request, jobs }) {
        const problem = bodyProblem(request.body, SHAPE)
        if (problem !== undefined) return refuse(400, problem)
        const { model, content, duration } = objectIn(request.body)
        return jsonReply(200, { id: newJob(jobs, promptIn(content), String(model), duration ?? 4).id })
      },
    },
    {
      endpoint: 'ark.poll',
      method: 'GET',
      path: /^\/contents\/generations\/tasks\/([^/]+)$/,
      handle({ jobs, id, videoUrl }) {
        const job = jobs.find(id)
        if (job === undefined) return refuse(404, 'The specified task is not found')
        const state = job.state()
        const isBlocked = state.status === 'failed' && state.error.code === 'moderation_blocked'
        const code = isBlocked ? 'OutputVideoSensitiveContentDetected' : 'InternalServiceError'
        return jsonReply(200, {
          id,
          model: job.model,
          status: WORDS[state.status],
          ...(state.status === 'failed' && { error: { code, message: state.error.message } }),
          ...(state.status === 'completed' && {
            content: { video_url: videoUrl(id) ?? '', last_frame_url: `${videoUrl(id)}.png` },
            usage: { completion_tokens: 108_900, total_tokens: 108_900 },
          }),
        })
      },
    },
    {
      endpoint: 'ark.delete',
      method: 'DELETE',
      path: /^\/contents\/generations\/tasks\/([^/]+)$/,
      handle({ jobs, id }) {
        const status = jobs.find(id)?.state().status
        if (status === undefined) return refuse(404, 'The specified task is not found')
        if (status === 'in_progress') return refuse(409, 'The task is running and cannot be cancelled')
        jobs.delete(id)
        return emptyReply(200)
      },
    },
  ],
}
