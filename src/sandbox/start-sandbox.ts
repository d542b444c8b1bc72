import { randomUUID } from 'node:crypto'
import { chatApi } from './chat/chat-api.js'
import { CHAT_MODELS } from './chat/chat-variant.js'
import { sandboxDrive } from './drive/sandbox-drive.js'
import { faultSchedule } from './fault-schedule.js'
import { fileServer } from './file-server.js'
import { finishedVideos } from './finished-videos.js'
import { jsonBin } from './json-bin.js'
import { type LoopbackServer, startLoopbackServer } from './loopback-server.js'
import { mirror } from './mirror.js'
import { parseServer } from './parse-server.js'
import { postsApi } from './posts-api.js'
import { PROVIDER_PATHS, providersRouter } from './providers/providers-router.js'
import type { Router } from './route.js'
import type { Sandbox } from './sandbox.js'
import { checkSandboxOptions, type SandboxOptions } from './sandbox-options.js'
import type { SandboxRequest } from './sandbox-request.js'
import { space } from './space/space.js'
import { VIDEO_DIALECTS } from './video-dialect.js'
import { videoJobs } from './video-jobs.js'
import { videoRenderer } from './video-renderer.js'
import { videosApi } from './videos-api.js'

/**
 * Starts real HTTP servers on free ports of 127.0.0.1, in this process: a Videos API, the APIs of seven providers and a
 * chat upstream whose jobs produce a real H.264 MP4, the post API, three mirrors, a parse server, two url2drive Spaces, Google Drive, JSONBin
 * and a file server, with faults on demand. Needs no key and no network. The servers keep the process alive until
 * {@link Sandbox.close}.
 *
 * The Videos API has OpenAI's wire format (create by JSON and form, retrieve, list, content, delete, remix), honours
 * `Idempotency-Key`, and deletes a running job. A prompt with the word `moderation-blocked` or `generation-failed`
 * fails.
 *
 * The chat upstream answers in the form of the requested model, and also fails for the words `no-account`,
 * `heavy-load`, `unsupported-country`, `upstream-timeout` and `no-url`. Every other upstream refuses what the real
 * one refuses, with the same messages.
 *
 * @throws ConfigurationError when an option is out of its range; it names every problem.
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
  const checked = checkSandboxOptions(options)
  const { speed, seed, apiKey, pollAfterMs, chatVariant, spaceToken, spaceQueueSize } = checked
  const faults = faultSchedule()
  faults.set(options.faults ?? {})
  const requests: SandboxRequest[] = []
  const servers: LoopbackServer[] = []
  const start = async (router: Router) => {
    const server = await startLoopbackServer({ router, faults, log: (request) => requests.push(request) })
    servers.push(server)
    return server.origin
  }

  const renderer = videoRenderer()
  const jobs = videoJobs({ renderer, speed, seed })
  const files = fileServer({ directory: options.files?.directory })
  const drive = sandboxDrive()
  const [fileOrigin, driveOrigin] = await Promise.all([start(files.router), start(drive.router)])
  const fileUrl = (name: string) => `${fileOrigin}/${name.split('/').map(encodeURIComponent).join('/')}`

  const videos = finishedVideos({ jobs, files, fileUrl })
  const keys = {
    provider: newKey(),
    post: newKey(),
    parser: newKey(),
    master: newKey(),
    access: newKey(),
    password: newKey(),
  }
  const posts = postsApi({ token: keys.post, videoUrl: videos.url })
  const bin = jsonBin({ masterKey: keys.master, accessKey: keys.access })
  const closing = new AbortController()
  const spaceOptions = {
    password: keys.password,
    token: spaceToken,
    maxQueueSize: spaceQueueSize,
    store: drive.store,
    keepBytes: drive.keepBytes,
    fileOrigin: driveOrigin,
    closing: closing.signal,
  }
  const findMirrored = (id: string) => videos.find(posts.generationOf(id) ?? id)
  const findParsed = (id: string) => videos.url(posts.find(id)?.generationId ?? '')

  const [api, providers, chat, post, parser, first, second, third, gradio4, gradio6, binOrigin] = await Promise.all([
    start(videosApi({ jobs, apiKey, pollAfterMs, dialect: VIDEO_DIALECTS[checked.videosDialect] })),
    start(providersRouter({ jobs, apiKey: keys.provider, videoUrl: videos.url })),
    start(chatApi({ jobs, apiKey, variant: chatVariant, files, fileUrl, onChunk: videos.alias })),
    start(posts.router),
    start(parseServer({ token: keys.parser, videoUrl: findParsed })),
    start(mirror('mirror-1', findMirrored)),
    start(mirror('mirror-2', findMirrored)),
    start(mirror('mirror-3', findMirrored)),
    start(space({ ...spaceOptions, name: 'space-1', dialect: 4 })),
    start(space({ ...spaceOptions, name: 'space-2', dialect: 6 })),
    start(bin.router),
  ])

  const close = async () => {
    closing.abort()
    await Promise.all([...servers.map((server) => server.close()), renderer.close()])
  }

  return {
    videosApi: { baseUrl: `${api}/v1`, apiKey },
    providers: providersAt(providers, keys.provider),
    chat: { baseUrl: `${chat}/v1`, apiKey, models: CHAT_MODELS.map(({ id }) => id) },
    posts: { baseUrl: `${post}/backend`, token: keys.post },
    parser: { baseUrl: parser, token: keys.parser },
    spaces: [
      { baseUrl: gradio4, password: keys.password, dialect: 4 },
      { baseUrl: gradio6, password: keys.password, dialect: 6 },
    ],
    drive: drive.at(driveOrigin),
    jsonBin: {
      baseUrl: `${binOrigin}/v3`,
      binId: bin.binId,
      masterKey: keys.master,
      accessKey: keys.access,
      get record() {
        return bin.record()
      },
      setRecord: bin.setRecord,
    },
    mirrors: [first, second, third],
    files: { baseUrl: fileOrigin, url: fileUrl, put: files.put },
    requests,
    requestsTo: (endpoint) => requests.filter((request) => request.endpoint === endpoint),
    setFaults: faults.set,
    clearFaults: faults.clear,
    close,
    [Symbol.asyncDispose]: close,
  }
}

function providersAt(origin: string, apiKey: string): Sandbox['providers'] {
  const at = ([name, path]: readonly [string, string]) => [name, { baseUrl: `${origin}${path}`, apiKey }]
  return Object.fromEntries(Object.entries(PROVIDER_PATHS).map(at))
}

function newKey(): string {
  return `sandbox-${randomUUID()}`
}
