import { randomUUID } from 'node:crypto'
import { ConfigurationError } from '../contracts/input-errors.js'
import type { FaultPlans, SandboxEndpoint } from './fault.js'
import { faultSchedule } from './fault-schedule.js'
import { fileServer } from './file-server.js'
import { type Router, startLoopbackServer } from './loopback-server.js'
import { mirror } from './mirror.js'
import type { SandboxRequest } from './sandbox-request.js'
import { videoJobs } from './video-jobs.js'
import { videoRenderer } from './video-renderer.js'
import { videosApi } from './videos-api.js'

/** How to start a {@link Sandbox}. */
export interface SandboxOptions {
  /** Faults from the beginning; {@link Sandbox.setFaults} changes them. */
  readonly faults?: FaultPlans | undefined
  /**
   * Above 0. A job takes about 6 seconds at 1 and 0.3 seconds at 20, but never less than its video needs to be rendered.
   * @defaultValue 1
   */
  readonly speed?: number | undefined
  /**
   * Whole number. The times of the jobs differ by up to 10 %, in the same way for the same seed.
   * @defaultValue 1
   */
  readonly seed?: number | undefined
  /**
   * The key that the Videos API asks for.
   * @defaultValue a new one in every sandbox
   */
  readonly apiKey?: string | undefined
  /** Milliseconds that the Videos API sends as `openai-poll-after-ms`; without it the header is not sent. */
  readonly pollAfterMs?: number | undefined
  /** A directory whose files the file server serves as well, such as the one of a `directoryUploader`. */
  readonly files?: { readonly directory: string } | undefined
}

/** Upstreams on this machine. */
export interface Sandbox extends AsyncDisposable {
  /** OpenAI's Videos API; `baseUrl` is such as `http://127.0.0.1:40000/v1`. */
  readonly videosApi: { readonly baseUrl: string; readonly apiKey: string }
  /** Origins of three servers, each of which serves `/MP4/{id}.mp4` of every finished video, without a key. */
  readonly mirrors: readonly [string, string, string]
  /** A file server with ranges. */
  readonly files: SandboxFiles
  /** Every request so far, in the order of arrival. */
  readonly requests: readonly SandboxRequest[]
  /** Those of one endpoint. */
  requestsTo(endpoint: SandboxEndpoint): readonly SandboxRequest[]
  /**
   * Replaces the plans of the endpoints that are named, and leaves the others: `{ 'videos.retrieve': [null, { kind: 'hang' }]
   * }` lets the second poll from now hang; `{ 'videos.retrieve': undefined }` makes it healthy.
   * @throws ConfigurationError for an endpoint or a kind of fault that does not exist.
   */
  setFaults(faults: FaultPlans): void
  /** Makes every endpoint healthy. */
  clearFaults(): void
  /** Ends servers, connections that hang, and the worker. Idempotent. */
  close(): Promise<void>
}

/** The file server of a {@link Sandbox}. */
export interface SandboxFiles {
  /** Without a slash at its end: `http://127.0.0.1:40004`. */
  readonly baseUrl: string
  /** Address of a file, whether it is there or not. */
  url(name: string): string
  /** Adds or replaces a file in memory. Without a media type, the end of the name tells it. */
  put(name: string, bytes: Uint8Array, mediaType?: string): void
}

/**
 * Starts real HTTP servers on free ports of 127.0.0.1, in this process: a Videos API whose jobs end in a real H.264 MP4,
 * three mirrors and a file server, with faults on demand. Needs no key and no network. The servers hold the process open
 * until {@link Sandbox.close}.
 *
 * The Videos API has the wire shape of OpenAI's (create by JSON and form, retrieve, list, content, delete, remix), honours
 * `Idempotency-Key`, and deletes a job that runs. A prompt with the word `moderation-blocked` or `generation-failed` fails.
 *
 * @throws ConfigurationError when an option is out of its range; names every problem.
 *
 * @example
 * ```ts
 * import { startSandbox } from 'sora-pipeline/sandbox'
 *
 * const sandbox = await startSandbox({ speed: 20, faults: { 'mirror-1': { kind: 'status', status: 503 } } })
 * const { baseUrl, apiKey } = sandbox.videosApi
 * const answer = await fetch(`${baseUrl}/videos`, {
 *   method: 'POST',
 *   headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
 *   body: JSON.stringify({ prompt: 'A cat playing piano' }),
 * })
 * console.log(answer.status, sandbox.requestsTo('videos.create').length)
 * await sandbox.close()
 * ```
 */
export async function startSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const { speed = 1, seed = 1, apiKey = `sk-sandbox-${randomUUID()}`, pollAfterMs, files: { directory } = {} } = options
  checkOptions({ speed, seed, apiKey, pollAfterMs })
  const faults = faultSchedule()
  faults.set(options.faults ?? {})
  const requests: SandboxRequest[] = []
  const renderer = videoRenderer()
  const jobs = videoJobs({ renderer, speed, seed })
  const files = fileServer({ directory })

  const findFinished = (id: string) => {
    const state = jobs.find(id)?.state()
    return state?.status === 'completed' ? { bytes: state.video, completedAt: state.completedAt } : undefined
  }
  const start = (router: Router) => startLoopbackServer({ router, faults, log: (request) => requests.push(request) })

  const servers = await Promise.all([
    start(videosApi({ jobs, apiKey, pollAfterMs })),
    start(mirror('mirror-1', findFinished)),
    start(mirror('mirror-2', findFinished)),
    start(mirror('mirror-3', findFinished)),
    start(files.router),
  ])
  const [api, first, second, third, fileOrigin] = servers

  const close = async () => {
    await Promise.all([...servers.map((server) => server.close()), renderer.close()])
  }

  return {
    videosApi: { baseUrl: `${api.origin}/v1`, apiKey },
    mirrors: [first.origin, second.origin, third.origin],
    files: {
      baseUrl: fileOrigin.origin,
      url: (name) => `${fileOrigin.origin}/${name.split('/').map(encodeURIComponent).join('/')}`,
      put: files.put,
    },
    requests,
    requestsTo: (endpoint) => requests.filter((request) => request.endpoint === endpoint),
    setFaults: faults.set,
    clearFaults: faults.clear,
    close,
    [Symbol.asyncDispose]: close,
  }
}

function checkOptions({ speed, seed, apiKey, pollAfterMs }: Omit<SandboxOptions, 'faults' | 'files'>): void {
  const problems = [
    { field: 'speed', value: speed, isRight: speed !== undefined && speed > 0, fix: 'above 0' },
    { field: 'seed', value: seed, isRight: Number.isInteger(seed), fix: 'a whole number' },
    {
      field: 'pollAfterMs',
      value: pollAfterMs,
      isRight: pollAfterMs === undefined || (pollAfterMs >= 0 && Number.isFinite(pollAfterMs)),
      fix: 'a number from 0',
    },
    // Its value is not shown: it is a secret of the caller.
    { field: 'apiKey', value: 'empty', isRight: apiKey !== '', fix: 'a text' },
  ].filter(({ isRight }) => !isRight)
  if (problems.length === 0) return
  throw new ConfigurationError(
    'the sandbox',
    problems.map(({ field, value, fix }) => ({ field, value: String(value), fix })),
  )
}
