import type { JsonValue } from '../../contracts/json.js'
import { emptyReply, jsonReply, type Reply } from '../reply.js'
import {
  bodyProblem,
  isFlag,
  isImage,
  isText,
  isWhole,
  isWholeFrom1,
  newJob,
  objectIn,
  type ProviderCall,
  type ProviderFake,
} from './provider-fake.js'

const TEXT = {
  model: isText,
  promptText: isText,
  ratio: (value: JsonValue) => /^\d{2,4}:\d{2,4}$/.test(String(value)),
  'duration?': isWholeFrom1,
  'seed?': isWhole,
  'audio?': isFlag,
} as const
const WORDS = { queued: 'PENDING', in_progress: 'RUNNING', completed: 'SUCCEEDED', failed: 'FAILED' } as const

const refuse: ProviderFake['refuse'] = (status, error) => jsonReply(status, { error })

function create({ request, jobs }: ProviderCall, shape: Parameters<typeof bodyProblem>[1]): Reply {
  if (request.headers['x-runway-version'] !== '2024-11-06') return refuse(400, 'X-Runway-Version is missing or unknown')
  const problem = bodyProblem(request.body, shape)
  if (problem !== undefined) return refuse(400, `Validation of body failed: ${problem}`)
  const { promptText, model, duration = 4 } = objectIn(request.body)
  return jsonReply(200, { id: newJob(jobs, promptText, String(model), duration).id })
}

/** Runway's tasks: real progress from 0 to 1; `DELETE` cancels a task that is running and deletes one that is over. */
export const runway: ProviderFake = {
  isAllowed: ({ authorization }, apiKey) => authorization === `Bearer ${apiKey}`,
  refuse,
  operations: [
    { endpoint: 'runway.create', method: 'POST', path: /^\/text_to_video$/, handle: (call) => create(call, TEXT) },
    {
      endpoint: 'runway.create',
      method: 'POST',
      path: /^\/image_to_video$/,
      handle: (call) => create(call, { ...TEXT, promptImage: isImage }),
    },
    {
      endpoint: 'runway.poll',
      method: 'GET',
      path: /^\/tasks\/([^/]+)$/,
      handle({ jobs, id, videoUrl }) {
        const job = jobs.find(id)
        if (job === undefined) return refuse(404, 'Task not found')
        const state = job.state()
        const isBlocked = state.status === 'failed' && state.error.code === 'moderation_blocked'
        return jsonReply(200, {
          id,
          status: WORDS[state.status],
          createdAt: new Date(job.createdAt).toISOString(),
          ...(state.status === 'in_progress' && { progress: state.progress / 100 }),
          ...(state.status === 'completed' && { output: [videoUrl(id) ?? ''] }),
          ...(state.status === 'failed' && {
            failure: state.error.message,
            failureCode: isBlocked ? 'SAFETY.INPUT.TEXT' : 'INTERNAL.BAD_OUTPUT.CODE01',
          }),
        })
      },
    },
    {
      endpoint: 'runway.delete',
      method: 'DELETE',
      path: /^\/tasks\/([^/]+)$/,
      handle({ jobs, id }) {
        if (jobs.find(id) === undefined) return refuse(404, 'Task not found')
        jobs.delete(id)
        return emptyReply(204)
      },
    },
  ],
}
