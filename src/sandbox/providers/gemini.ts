import type { JsonValue } from '../../contracts/json.js'
import { bytesFile, fileReply } from '../file-reply.js'
import { jsonReply } from '../reply.js'
import { interactions } from './gemini-interactions.js'
import { bodyProblem, isRatio, isText, isWhole, newJob, objectIn, type ProviderFake } from './provider-fake.js'

const IMAGE = { bytesBase64Encoded: isText, mimeType: isText } as const
const isImage = (value: JsonValue) => bodyProblem(value, IMAGE) === undefined
const REFERENCE = { image: isImage, referenceType: (value: JsonValue) => value === 'asset' } as const
const INSTANCE = {
  prompt: isText,
  'image?': isImage,
  'lastFrame?': isImage,
  'referenceImages?': (value: JsonValue) =>
    Array.isArray(value) &&
    value.length <= 3 &&
    value.every((entry: JsonValue) => bodyProblem(entry, REFERENCE) === undefined),
} as const
const PARAMETERS = {
  'aspectRatio?': isRatio,
  'resolution?': isText,
  'durationSeconds?': isWhole,
  'seed?': isWhole,
} as const
const SHAPE = {
  instances: (value: JsonValue) =>
    Array.isArray(value) && value.length === 1 && bodyProblem(value[0] as JsonValue, INSTANCE) === undefined,
  'parameters?': (value: JsonValue) => bodyProblem(value, PARAMETERS) === undefined,
} as const

const refuse: ProviderFake['refuse'] = (code, message) =>
  jsonReply(code, { error: { code, message, status: code === 404 ? 'NOT_FOUND' : 'INVALID_ARGUMENT' } })

/** The Gemini API: Veo as a long-running operation, Omni as a background interaction, and videos that need the key. */
export const gemini: ProviderFake = {
  isAllowed: ({ 'x-goog-api-key': key }, apiKey) => key === apiKey,
  refuse,
  operations: [
    ...interactions(refuse),
    {
      endpoint: 'gemini.create',
      method: 'POST',
      path: /^\/models\/([^/:]+):predictLongRunning$/,
      handle({ request, jobs, id: model }) {
        const problem = bodyProblem(request.body, SHAPE)
        if (problem !== undefined) return refuse(400, problem)
        const { instances, parameters } = request.body as { instances: [JsonValue]; parameters?: JsonValue }
        const job = newJob(jobs, objectIn(instances[0]).prompt, model, objectIn(parameters).durationSeconds ?? 4)
        return jsonReply(200, { name: `models/${model}/operations/${job.id}` })
      },
    },
    {
      endpoint: 'gemini.poll',
      method: 'GET',
      path: /^\/models\/[^/]+\/operations\/([^/]+)$/,
      handle({ jobs, id, base }) {
        const job = jobs.find(id)
        if (job === undefined) return refuse(404, 'Operation not found')
        const name = `models/${job.model}/operations/${id}`
        const state = job.state()
        if (state.status === 'failed' && state.error.code === 'moderation_blocked') {
          const filtered = { raiMediaFilteredCount: 1, raiMediaFilteredReasons: [state.error.message] }
          return jsonReply(200, { name, done: true, response: { generateVideoResponse: filtered } })
        }
        if (state.status === 'failed') {
          return jsonReply(200, {
            name,
            done: true,
            error: { code: 13, message: state.error.message, status: 'INTERNAL' },
          })
        }
        if (state.status !== 'completed') return jsonReply(200, { name })
        const generatedSamples = [{ video: { uri: `${base}/files/${id}:download?alt=media` } }]
        return jsonReply(200, { name, done: true, response: { generateVideoResponse: { generatedSamples } } })
      },
    },
    {
      endpoint: 'gemini.content',
      method: 'GET',
      path: /^\/files\/([^/:]+):download$/,
      handle({ request, jobs, id }) {
        const state = jobs.find(id)?.state()
        if (state?.status !== 'completed') return refuse(404, 'File not found')
        return fileReply(request, bytesFile(state.video, { mediaType: 'video/mp4', modifiedAt: state.completedAt }))
      },
    },
  ],
}
