import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Writable } from 'node:stream'
import { type Sandbox, startSandbox } from 'sora-pipeline/sandbox'
import { controlRoutes, type PlayState } from './control-routes.js'
import { forwardTo, pageOf } from './forward-request.js'
import type { PlayFault, PlayUpstreams } from './play-messages.js'
import { serverProcess } from './server-process.js'

/** Options of {@link startPlay}. */
export interface PlayOptions {
  /** Port of 127.0.0.1; 0 for a free one. */
  readonly port: number
  /** Speed of the jobs, as for the sandbox. */
  readonly speed?: number | undefined
  /** Receives what the server process prints about its failures. */
  readonly stderr: Writable
}

/** The page with its servers. */
export interface Play {
  /** Address of the page. */
  readonly address: string
  close(): Promise<void>
}

/**
 * Starts the sandbox, a server process with a store in a temporary directory, and in front of them a server that the page
 * is loaded from. That server stays when the server process is killed, and keeps requests until the next process listens.
 */
export async function startPlay({ port, speed, stderr }: PlayOptions): Promise<Play> {
  const directory = await mkdtemp(join(tmpdir(), 'sora-pipeline-play-'))
  const sandbox = await startSandbox({ speed })
  const faults = new Set<PlayFault>()
  const contentSecret = randomUUID()
  const keysOf = new Map<string, Set<string>>()

  const server = serverProcess({
    stderr,
    start: () => ({
      type: 'start',
      upstreams: upstreamsOf(sandbox),
      directory,
      contentSecret,
      isStoreDown: faults.has('store'),
    }),
    onMessage(message) {
      if (message.type !== 'submitting') return
      const { runId, key } = message
      keysOf.set(runId, (keysOf.get(runId) ?? new Set()).add(key))
    },
  })
  const control = controlRoutes({
    state: (runId): PlayState => ({
      faults: [...faults],
      starts: server.starts,
      jobsPaid: paidJobs(sandbox, keysOf.get(runId) ?? new Set()),
    }),
    setFault(fault, isOn) {
      if (isOn) faults.add(fault)
      else faults.delete(fault)
      sandbox.setFaults(plansOf(faults))
      server.send({ type: 'store', isDown: faults.has('store') })
    },
    kill: server.kill,
  })
  const front = createServer((request, response) => {
    const { port } = front.address() as AddressInfo
    if (!isOwnHost(request.headers.host, port)) {
      response.writeHead(421).end('Could not answer: the page is only served at 127.0.0.1 and localhost\n')
    } else if (!control(request, response)) {
      const isPage = pageOf(request, response)
      if (isPage !== 'answered') forwardTo(server.port, request, response, { isPage: isPage === 'page' })
    }
  })

  const close = async () => {
    front.close()
    front.closeAllConnections()
    server.close()
    await sandbox.close()
    await rm(directory, { recursive: true, force: true, maxRetries: 5 })
  }
  try {
    await new Promise<void>((resolve, reject) => {
      front.once('error', reject)
      front.listen(port, '127.0.0.1', resolve)
    })
    await server.port()
  } catch (error) {
    await close()
    throw error
  }
  return { address: `http://127.0.0.1:${(front.address() as AddressInfo).port}/`, close }
}

function upstreamsOf({ videosApi, posts, mirrors, spaces, drive }: Sandbox): PlayUpstreams {
  const { baseUrl, accessToken, folderId } = drive
  const { baseUrl: spaceUrl, password } = spaces[1]
  return {
    videosApi,
    posts,
    mirrors,
    space: { baseUrl: spaceUrl, password },
    drive: { baseUrl, accessToken, folderId },
    fileUrl: drive.fileUrl('{id}'),
  }
}

function plansOf(faults: ReadonlySet<PlayFault>) {
  const isUploadDown = faults.has('upload')
  return {
    'mirror-1': faults.has('mirror') ? ({ kind: 'reset' } as const) : undefined,
    'drive.create': isUploadDown
      ? ({ kind: 'status', status: 403, reason: 'storageQuotaExceeded' } as const)
      : undefined,
    'space-2.call': isUploadDown ? ({ kind: 'status', status: 403 } as const) : undefined,
  }
}

/** The jobs that the sandbox made for the keys: a repeat under the same key gets the same job. */
function paidJobs(sandbox: Sandbox, keys: ReadonlySet<string>): number {
  const paid = sandbox
    .requestsTo('videos.create')
    .filter(({ status }) => status !== undefined && status < 300)
    .map(({ headers }) => headers['idempotency-key'] ?? '')
  return new Set(paid.filter((key) => keys.has(key))).size
}

// Other names may be those of a page on the web whose DNS leads here.
function isOwnHost(host: string | undefined, port: number): boolean {
  return host === `127.0.0.1:${port}` || host === `localhost:${port}`
}
