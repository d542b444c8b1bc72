import { createAlibaba } from '@ai-sdk/alibaba'
import { createBlackForestLabs } from '@ai-sdk/black-forest-labs'
import { createByteDance } from '@ai-sdk/bytedance'
import { createFal } from '@ai-sdk/fal'
import { createGateway } from '@ai-sdk/gateway'
import { createGoogle } from '@ai-sdk/google'
import { createMiniMax } from '@ai-sdk/minimax'
import { createReplicate } from '@ai-sdk/replicate'
import { createXai } from '@ai-sdk/xai'
import { createOpenRouter } from '@openrouter/ai-sdk-provider'
import type { VideoModelLike } from '../../../../src/strategies/index.js'
import { type LoopbackServer, loopbackServer, type SeenRequest, videoBytes } from '../../../upstream/loopback-server.js'

export const KEY = 'canary-key-0123456789'
export const VIDEO = videoBytes(5_000)

/** A provider package of the AI SDK, and the answers of its API. */
export interface Provider {
  model(origin: string, id?: string): VideoModelLike
  /** The name of its options. */
  readonly options: string
  readonly isOneShot?: true
  /** Whether its video opens only with the key. */
  readonly needsKey?: true
  /** Answers a create with the address of the server. */
  created(origin: string): object
  /** Answers a poll that is too early, or at the end. */
  pending(origin: string): Answer
  completed(origin: string): Answer
  isCreate(request: SeenRequest): boolean
  isPoll(request: SeenRequest): boolean
}

/** A body, a status and a body, or a connection that is reset. */
export type Answer = object | readonly [status: number, body: object | string] | 'reset'

const QUEUE = 'https://queue.fal.run'
const isPost = ({ method }: SeenRequest) => method === 'POST'
const isGet = ({ method, url }: SeenRequest) => method === 'GET' && !isFile(url)
const isFile = (url: string) => url.includes('/file.mp4') || url.includes(':download')

/** The ten packages with video models, each as its documentation describes its API. */
export const PROVIDERS: Readonly<Record<string, Provider>> = {
  fal: {
    model: (origin, id = 'luma-dream-machine') => {
      const rewritten: typeof fetch = (input, init) => fetch(String(input).replace(QUEUE, origin), init)
      return createFal({ apiKey: KEY, fetch: rewritten }).video(id)
    },
    options: 'fal',
    created: () => ({ request_id: 'job_1', response_url: `${QUEUE}/fal-ai/luma-dream-machine/requests/job_1` }),
    pending: () => [400, { detail: 'Request is still in progress' }],
    completed: (origin) => ({ video: { url: `${origin}/file.mp4`, content_type: 'video/mp4' }, seed: 7 }),
    isCreate: isPost,
    isPoll: isGet,
  },
  replicate: {
    model: (origin, id = 'minimax/video-01') => createReplicate({ apiToken: KEY, baseURL: origin }).video(id),
    options: 'replicate',
    created: (origin) => ({ id: 'job_1', status: 'starting', urls: { get: `${origin}/predictions/job_1` } }),
    pending: (origin) => ({ id: 'job_1', status: 'processing', urls: { get: `${origin}/predictions/job_1` } }),
    completed: (origin) => ({
      id: 'job_1',
      status: 'succeeded',
      output: `${origin}/file.mp4`,
      urls: { get: `${origin}/predictions/job_1` },
    }),
    isCreate: isPost,
    isPoll: isGet,
  },
  google: {
    model: (origin, id = 'veo-3.1-generate-preview') => createGoogle({ apiKey: KEY, baseURL: origin }).video(id),
    options: 'google',
    needsKey: true,
    created: () => ({ name: 'models/veo/operations/job_1' }),
    pending: () => ({ name: 'models/veo/operations/job_1', done: false }),
    completed: (origin) => ({
      name: 'models/veo/operations/job_1',
      done: true,
      response: {
        generateVideoResponse: { generatedSamples: [{ video: { uri: `${origin}/files/f1:download?alt=media` } }] },
      },
    }),
    isCreate: isPost,
    isPoll: isGet,
  },
  xai: {
    model: (origin, id = 'grok-imagine-video') => createXai({ apiKey: KEY, baseURL: origin }).video(id),
    options: 'xai',
    created: () => ({ request_id: 'job_1' }),
    pending: () => [202, ''],
    completed: (origin) => ({ status: 'done', video: { url: `${origin}/file.mp4`, duration: 6 }, progress: 100 }),
    isCreate: isPost,
    isPoll: isGet,
  },
  minimax: {
    model: (origin, id = 'MiniMax-H3') => createMiniMax({ apiKey: KEY, videoBaseURL: origin }).video(id),
    options: 'minimax',
    created: () => ({ task_id: 'job_1' }),
    pending: () => ({ task: { id: 'job_1', status: 'running' } }),
    completed: (origin) => ({
      task: { id: 'job_1', status: 'succeeded', content: { url: `${origin}/file.mp4` }, usage: { total_seconds: 6 } },
    }),
    isCreate: isPost,
    isPoll: isGet,
  },
  alibaba: {
    model: (origin, id = 'wan2.6-i2v') => createAlibaba({ apiKey: KEY, videoBaseURL: origin }).video(id),
    options: 'alibaba',
    created: () => ({ output: { task_id: 'job_1', task_status: 'PENDING' }, request_id: 'req_1' }),
    pending: () => ({ output: { task_id: 'job_1', task_status: 'RUNNING' }, request_id: 'req_1' }),
    completed: (origin) => ({
      output: { task_id: 'job_1', task_status: 'SUCCEEDED', video_url: `${origin}/file.mp4` },
      request_id: 'req_1',
    }),
    isCreate: isPost,
    isPoll: isGet,
  },
  'black-forest-labs': {
    model: (origin, id = 'flux-3-video') => createBlackForestLabs({ apiKey: KEY, baseURL: origin }).video(id),
    options: 'blackForestLabs',
    created: (origin) => ({ id: 'job_1', polling_url: `${origin}/get_result?id=job_1` }),
    pending: () => ({ id: 'job_1', status: 'Pending' }),
    completed: (origin) => ({ id: 'job_1', status: 'Ready', result: { sample: `${origin}/file.mp4` } }),
    isCreate: isPost,
    isPoll: isGet,
  },
  gateway: {
    model: (origin, id = 'google/veo-3.1') => createGateway({ apiKey: KEY, baseURL: origin }).video(id),
    options: 'gateway',
    created: () => ({ operation: { token: 'job_1' } }),
    pending: () => ({ status: 'pending' }),
    completed: () => ({
      status: 'completed',
      videos: [{ type: 'base64', data: VIDEO.toString('base64'), mediaType: 'video/mp4' }],
    }),
    isCreate: ({ url }) => url.endsWith('/start'),
    isPoll: ({ url }) => url.endsWith('/status'),
  },
  bytedance: {
    model: (origin, id = 'seedance-1-0-pro-250528') => createByteDance({ apiKey: KEY, baseURL: origin }).video(id),
    options: 'bytedance',
    isOneShot: true,
    created: () => ({ id: 'job_1' }),
    pending: () => ({ id: 'job_1', status: 'running' }),
    completed: (origin) => ({ id: 'job_1', status: 'succeeded', content: { video_url: `${origin}/file.mp4` } }),
    isCreate: isPost,
    isPoll: isGet,
  },
  openrouter: {
    model: (origin) =>
      createOpenRouter({ apiKey: KEY, baseURL: origin }).videoModel('google/veo-3.1', { pollIntervalMs: 10 }),
    options: 'openrouter',
    isOneShot: true,
    needsKey: true,
    created: (origin) => ({ id: 'job_1', polling_url: `${origin}/videos/job_1`, status: 'pending' }),
    pending: (origin) => ({ id: 'job_1', polling_url: `${origin}/videos/job_1`, status: 'in_progress' }),
    completed: (origin) => ({
      id: 'job_1',
      polling_url: `${origin}/videos/job_1`,
      status: 'completed',
      unsigned_urls: [`${origin}/keyed/file.mp4`],
    }),
    isCreate: isPost,
    isPoll: isGet,
  },
}

/** One server that speaks as a provider: its polls are answered in order, the last answer repeatedly. */
export async function providerServer(
  provider: Provider,
  answers: {
    readonly created?: ((origin: string) => Answer) | undefined
    readonly polls?: readonly ((origin: string) => Answer)[] | undefined
  } = {},
): Promise<LoopbackServer & { readonly creates: () => readonly SeenRequest[]; readonly pollCount: () => number }> {
  const polls = answers.polls ?? [provider.pending, provider.completed]
  let polled = 0
  const server = await loopbackServer((request, response) => {
    const { origin } = server
    if (isFile(request.url)) {
      const isOpen =
        !/keyed|:download/.test(request.url) || JSON.stringify([request.url, request.headers]).includes(KEY)
      response.writeHead(isOpen ? 200 : 401, { 'content-type': 'video/mp4' }).end(isOpen ? VIDEO : '')
      return
    }
    const answer = provider.isCreate(request)
      ? (answers.created ?? provider.created)(origin)
      : (polls[Math.min(polled++, polls.length - 1)] ?? provider.pending)(origin)
    if (answer === 'reset') {
      response.destroy()
      return
    }
    const [status, body] = (Array.isArray(answer) ? answer : [200, answer]) as [number, object | string]
    const text = typeof body === 'string' ? body : JSON.stringify(body)
    const type = typeof body === 'string' && body !== '' ? 'text/html' : 'application/json'
    response.writeHead(status, { 'content-type': type }).end(text)
  })
  return Object.assign(server, {
    creates: () => server.seen.filter((request) => provider.isCreate(request)),
    pollCount: () => polled,
  })
}
