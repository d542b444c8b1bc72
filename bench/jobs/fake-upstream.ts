import { createServer, type IncomingMessage } from 'node:http'
import type { Served } from '../harness/serve-module.ts'
import { readPrompt } from './workload.ts'

/** What the fake upstream saw. */
export interface UpstreamReport {
  /** When each job ended, by its number, as `Date.now()` counts. */
  readonly endedAt: readonly number[]
  readonly polls: number
  /** Most connections that were open at the same time. */
  readonly mostSockets: number
}

/** The words that an API has for the states of a job. */
interface Words {
  readonly waiting: string
  readonly running: string
  readonly done: string
}

const OPENAI: Words = { waiting: 'queued', running: 'in_progress', done: 'completed' }
const FAL: Words = { waiting: 'IN_QUEUE', running: 'IN_PROGRESS', done: 'COMPLETED' }
const REPLICATE: Words = { waiting: 'starting', running: 'processing', done: 'succeeded' }

/** Upstream of three APIs, in its own process: a job lasts as long as its prompt says, and reports linear progress. */
export function serve(): Served {
  const jobs: { readonly startedAt: number; readonly durationMs: number }[] = []
  const endedAt: number[] = []
  let polls = 0
  let sockets = 0
  let mostSockets = 0

  const progressOf = (id: number): number => {
    const job = jobs[id]
    if (job === undefined) return Number.NaN
    return Math.min(100, Math.floor(((Date.now() - job.startedAt) / job.durationMs) * 100))
  }

  const start = (body: string): number => {
    const { job, durationMs } = readPrompt(body)
    const startedAt = Date.now()
    if (job >= 0) endedAt[job] = startedAt + durationMs
    return jobs.push({ startedAt, durationMs }) - 1
  }

  // The newest first, as the API lists them.
  const page = ({ searchParams, origin }: URL): object => {
    const after = /^job_(\d+)$/.exec(searchParams.get('after') ?? '')?.[1]
    const newest = after === undefined ? jobs.length - 1 : Number(after) - 1
    const count = Math.min(newest + 1, Number(searchParams.get('limit') ?? 20))
    const ids = Array.from({ length: count }, (_, index) => newest - index)
    const data = ids.map((id) => answerOf(OPENAI, origin, `job_${id}`, progressOf(id)))
    return {
      object: 'list',
      data,
      first_id: ids.length > 0 ? `job_${ids[0]}` : null,
      last_id: ids.length > 0 ? `job_${ids.at(-1)}` : null,
      has_more: count <= newest,
    }
  }

  const server = createServer(async (request, response) => {
    const url = request.url ?? ''
    const origin = `http://${request.headers.host}`
    const words = url.startsWith('/v1/videos') ? OPENAI : url.startsWith('/v1/') ? REPLICATE : FAL
    const isStart = request.method === 'POST'
    const isList = !isStart && /^\/v1\/videos(?:\?|$)/.test(url)
    const id = isStart ? start(await bodyOf(request)) : Number(/job_(\d+)/.exec(url)?.[1])
    if (!isStart) polls += 1
    const answer = isList
      ? page(new URL(url, origin))
      : answerOf(words, origin, `job_${id}`, isStart ? 0 : progressOf(id))
    const text = JSON.stringify(answer)
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }).end(text)
  })
  server.keepAliveTimeout = 60_000
  server.on('connection', (socket) => {
    sockets += 1
    mostSockets = Math.max(mostSockets, sockets)
    socket.on('close', () => {
      sockets -= 1
    })
  })
  return { server, report: (): UpstreamReport => ({ endedAt, polls, mostSockets }) }
}

function answerOf(words: Words, origin: string, id: string, progress: number): object {
  const status = progress >= 100 ? words.done : progress > 0 ? words.running : words.waiting
  const url = 'https://cdn.example/a.mp4'
  if (words === FAL) {
    const address = `${origin}/fal-ai/bench/requests/${id}`
    return { status, request_id: id, response_url: address, status_url: `${address}/status`, video: { url } }
  }
  if (words === REPLICATE) {
    const urls = { get: `${origin}/v1/predictions/${id}`, cancel: `${origin}/v1/predictions/${id}/cancel` }
    const output = status === words.done ? url : null
    return {
      id,
      model: 'bench/bench',
      version: 'a',
      input: {},
      logs: `${progress}%`,
      output,
      error: null,
      status,
      urls,
    }
  }
  return {
    id,
    object: 'video',
    created_at: 1_770_000_000,
    status,
    model: 'sora-2',
    progress,
    seconds: '8',
    size: '1280x720',
    ...(status === words.done && { url }),
  }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let body = ''
  for await (const chunk of request.setEncoding('utf8')) body += chunk
  return body
}
