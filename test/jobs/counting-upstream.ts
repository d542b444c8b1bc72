import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'

interface Job {
  readonly prompt: string
  readonly createdAt: number
}

/** An upstream that counts the jobs that are open at the same time. */
export interface CountingUpstream {
  readonly origin: string
  readonly jobs: readonly Job[]
  /** The most jobs that were open at once. */
  readonly most: number
  /** Submissions that were refused. */
  readonly refused: number
  /** Refuses the next submission, with `Retry-After`. */
  refuseNext(seconds: number): void
  close(): Promise<void>
}

/** Starts the upstream; a job is open for `jobMs` from its submission, or forever when its prompt begins with `endless`. */
export async function startCountingUpstream(jobMs: number): Promise<CountingUpstream> {
  const jobs: Job[] = []
  let most = 0
  let refused = 0
  let refusal: number | undefined
  const isOpen = ({ prompt, createdAt }: Job) => prompt.startsWith('endless') || Date.now() < createdAt + jobMs
  const server = createServer(async (request, response) => {
    const { pathname, searchParams } = new URL(String(request.url), 'http://upstream')
    const searched = searchParams.get('prompt')
    if (searched !== null) {
      const found = jobs.flatMap(({ prompt }, index) => (prompt === searched ? [String(index)] : []))
      return response.end(JSON.stringify(found))
    }
    if (request.method !== 'POST') {
      const job = jobs[Number(pathname.split('/').at(-1))]
      return response.end(job === undefined || isOpen(job) ? 'running' : 'done')
    }
    const prompt = await text(request)
    if (refusal !== undefined) {
      response.writeHead(429, { 'retry-after': String(refusal) })
      refusal = undefined
      refused += 1
      return response.end()
    }
    jobs.push({ prompt, createdAt: Date.now() })
    most = Math.max(most, jobs.filter(isOpen).length)
    return response.end(String(jobs.length - 1))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    jobs,
    get most() {
      return most
    },
    get refused() {
      return refused
    },
    refuseNext: (seconds) => {
      refusal = seconds
    },
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
