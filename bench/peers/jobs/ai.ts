import {
  createJsonResponseHandler,
  createStatusCodeErrorResponseHandler,
  getFromApi,
  postJsonToApi,
} from '@ai-sdk/provider-utils'
import { experimental_generateVideo as generateVideo } from 'ai'
import * as z from 'zod'
import { type MakeVideo, TIME_SCALE } from '../../jobs/workload.ts'

type VideoModel = Exclude<Parameters<typeof generateVideo>[0]['model'], string>

const Job = z.object({ id: z.string(), status: z.string() })

/** The AI SDK with a model as its own providers write them; it polls every 5 s. */
export function createClient(origin: string): MakeVideo {
  const headers = { authorization: 'Bearer bench-key' }
  const handlers = {
    successfulResponseHandler: createJsonResponseHandler(Job),
    failedResponseHandler: createStatusCodeErrorResponseHandler(),
  }
  const response = { timestamp: new Date(), modelId: 'sora-2', headers: undefined }
  const model: VideoModel = {
    specificationVersion: 'v4',
    provider: 'bench',
    modelId: 'sora-2',
    maxVideosPerCall: 1,
    async doStart({ prompt, abortSignal }) {
      const body = { model: 'sora-2', prompt, seconds: '8', size: '1280x720' }
      const { value } = await postJsonToApi({
        url: `${origin}/v1/videos`,
        headers,
        body,
        ...handlers,
        ...withSignal(abortSignal),
      })
      return { operation: value.id, warnings: [], response }
    },
    async doStatus({ operation, abortSignal }) {
      const { value } = await getFromApi({
        url: `${origin}/v1/videos/${operation}`,
        headers,
        ...handlers,
        ...withSignal(abortSignal),
      })
      if (value.status !== 'completed') return { status: 'pending', response }
      const videos = [{ type: 'base64' as const, data: 'AAAA', mediaType: 'video/mp4' }]
      return { status: 'completed', videos, warnings: [], response }
    },
  }
  return (prompt) => generateVideo({ model, prompt, poll: { intervalMs: 5000 / TIME_SCALE } })
}

function withSignal(abortSignal: AbortSignal | undefined): { readonly abortSignal?: AbortSignal } {
  return abortSignal === undefined ? {} : { abortSignal }
}
