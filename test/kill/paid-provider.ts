import { readFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { basename, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** What is held when it comes next: the answer is kept back forever, or for a download after its first half. */
export type HeldRequest = 'create' | 'poll' | 'publish' | 'download'

/** What becomes of a submission whose connection may die before the answer. */
export type Commitment = 'at-once' | 'late' | 'never'

/** A video provider that takes money for every job, with a place for posts and files, as a real server on this machine. */
export interface PaidProvider {
  readonly origin: string
  /** Jobs that were paid for, by prompt. */
  paidFor(prompt: string): number
  /** The prompt that a job was paid for. */
  promptOf(id: string): string | undefined
  /** Holds the next request of a prompt, and resolves when it is there. */
  hold(kind: HeldRequest, prompt: string, commitment?: Commitment): Promise<void>
  /** Holds nothing that has not come yet. */
  release(): void
  close(): Promise<void>
}

/** Bytes that begin like an MP4. */
export const VIDEO = Buffer.concat([
  Buffer.from('000000186674797069736f6d0000020069736f6d6d703432', 'hex'),
  Buffer.alloc(200_000, 7),
])

const JOB_MS = 300
const LATE_MS = 400

interface Job {
  readonly id: string
  readonly prompt: string
  readonly key: string
  readonly createdAt: number
}

/**
 * Starts the provider. With `keys` a submission under a known idempotency key gives the job of before; `answerMs` is how long a job is
 * paid for before its submission is answered.
 */
export async function startPaidProvider(options: {
  readonly keys: boolean
  readonly uploads: string
  readonly answerMs?: number
}): Promise<PaidProvider> {
  const jobs: Job[] = []
  const holds = new Map<string, { readonly commitment: Commitment; held(): void }>()

  const commit = (prompt: string, key: string): Job => {
    const known = options.keys ? jobs.find((job) => job.key === key) : undefined
    if (known) return known
    const job = { id: `job_${jobs.length + 1}`, prompt, key, createdAt: Date.now() }
    jobs.push(job)
    return job
  }
  /** Takes a hold on this request, if there is one. */
  const heldBy = (kind: HeldRequest, prompt: string) => {
    const name = `${kind} ${prompt}`
    const hold = holds.get(name)
    holds.delete(name)
    return hold
  }
  const jobOf = (id: string) => jobs.find((job) => job.id === id)

  async function create(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { prompt } = await bodyOf(request)
    const key = String(request.headers['idempotency-key'])
    const hold = heldBy('create', String(prompt))
    if (hold === undefined) {
      const { id } = commit(String(prompt), key)
      if (options.answerMs !== undefined) await sleep(options.answerMs)
      return answer(response, { id })
    }
    if (hold.commitment === 'at-once') commit(String(prompt), key)
    hold.held()
    if (hold.commitment !== 'late') return
    await sleep(LATE_MS)
    commit(String(prompt), key)
  }

  async function publish(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { id, prompt } = await bodyOf(request)
    const hold = heldBy('publish', String(prompt))
    if (hold) return hold.held()
    answer(response, { id: `post_${id}` })
  }

  function download(id: string, method: string, response: ServerResponse): void {
    const job = jobOf(id)
    if (job === undefined) {
      answer(response, {}, 404)
      return
    }
    const hold = method === 'GET' ? heldBy('download', job.prompt) : undefined
    response.writeHead(200, { 'content-type': 'video/mp4', 'content-length': VIDEO.byteLength })
    if (hold) response.write(VIDEO.subarray(0, VIDEO.byteLength / 2), () => hold.held())
    else response.end(method === 'HEAD' ? undefined : VIDEO)
  }

  async function upload(name: string, response: ServerResponse): Promise<void> {
    response.writeHead(200, { 'content-type': 'video/mp4' })
    response.end(await readFile(join(options.uploads, basename(name))))
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '' } = request
    const { pathname, searchParams } = new URL(url, 'http://provider')
    const [, place, name = ''] = pathname.split('/')
    if (method === 'POST') return place === 'jobs' ? create(request, response) : publish(request, response)
    if (place === 'MP4') return download(name.replace('.mp4', ''), method, response)
    if (place === 'files') return upload(name, response)
    if (name === '') {
      const same = jobs.filter(({ prompt }) => prompt === searchParams.get('prompt'))
      return answer(response, { ids: same.map(({ id }) => id) })
    }
    const job = jobOf(name)
    if (job === undefined) return answer(response, {}, 404)
    const hold = heldBy('poll', job.prompt)
    if (hold) return hold.held()
    answer(response, { isDone: Date.now() >= job.createdAt + JOB_MS })
  }

  const server = createServer((request, response) => {
    // A process that was killed cuts its request off in the middle.
    handle(request, response).catch((error: unknown) => response.destroy(error as Error))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    paidFor: (prompt) => jobs.filter((job) => job.prompt === prompt).length,
    promptOf: (id) => jobOf(id)?.prompt,
    hold: (kind, prompt, commitment = 'at-once') =>
      new Promise((held) => holds.set(`${kind} ${prompt}`, { commitment, held })),
    release: () => holds.clear(),
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

async function bodyOf(request: IncomingMessage): Promise<Record<string, unknown>> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return JSON.parse(Buffer.concat(chunks).toString('utf8')) as Record<string, unknown>
}

function answer(response: ServerResponse, body: object, status = 200): void {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(JSON.stringify(body))
}
