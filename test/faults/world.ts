import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  isSoraPipelineError,
  memoryStore,
  type PipelineEvent,
  type PipelineResult,
  paceSchedule,
  SoraPipeline,
  type SoraPipelineOptions,
  type Uploader,
  type VideoRequest,
} from 'sora-pipeline'
import { directoryUploader, videosApiGenerator } from 'sora-pipeline/strategies'
import {
  type FaultRequest,
  type FaultRoutes,
  type FaultServer,
  faultServer,
  reply,
  replyFile,
  replyJson,
} from 'sora-pipeline/testing'
import { fastClock } from './fast-clock.ts'
import type { Unreachable } from './fault.ts'

/** How many times faster the pipeline's clock goes. */
export const SPEED = 25
/** Milliseconds of the sockets' own time: enough for a busy machine, for whatever hangs takes as long. */
export const REQUEST_MS = 1500
export const RETRY = { maxAttempts: 2, minDelayMs: 500, random: () => 0.5 } as const
/** Long enough to be cut, and with a beginning by which it is known. */
export const VIDEO = Buffer.concat([Buffer.from('\0\0\0\x18ftypisom', 'latin1'), Buffer.alloc(4000, 'video')])
/** Planted as keys: they must come out nowhere. */
export const CANARIES = { first: 'canary-first-5b0e41d7c9', second: 'canary-second-8a2f63e1b4' } as const

const JOB = { id: 'video_1', object: 'video', model: 'café', status: 'queued', progress: 0 }

/** The outcome of a run, with all requests of the servers. */
export interface Played {
  readonly result: PipelineResult | undefined
  readonly error: unknown
  readonly code: string | undefined
  readonly events: readonly PipelineEvent[]
  /** Status in the store at the end. */
  readonly stored: string | undefined
  /** Whether what the uploader stored is the video, byte by byte. */
  readonly isStoredWhole: boolean
  readonly realMs: number
}

/** Servers on loopback, and a pipeline that goes through them. */
export class World {
  readonly #servers = new Map<string, FaultServer>()
  readonly clock = fastClock(SPEED)
  readonly store = memoryStore()
  #directory = ''

  /** Starts a server; every one has a `/loop` that redirects to itself. */
  async serve(name: string, routes: FaultRoutes): Promise<FaultServer> {
    const server = await faultServer({ '/loop': reply({ status: 302, headers: { location: '/loop' } }), ...routes })
    this.#servers.set(name, server)
    return server
  }

  /** Requests that a server saw, in order. */
  seen(name: string, method = '', prefix = '/'): readonly FaultRequest[] {
    const all = this.#servers.get(name)?.requests ?? []
    return all.filter((request) => (method === '' || request.method === method) && request.path.startsWith(prefix))
  }

  origin(name: string): string {
    return this.#servers.get(name)?.origin ?? ''
  }

  /** The servers that the pipeline may open videos at. */
  get allowed(): readonly string[] {
    return ['cdn', 'mirror'].flatMap((name) => (this.#servers.has(name) ? [new URL(this.origin(name)).host] : []))
  }

  async originOf(kind: Unreachable): Promise<string> {
    if (kind === 'no-such-name') return `http://${'a'.repeat(64)}.invalid`
    if (kind === 'refused' || kind === 'no-tls') {
      const nobody = await this.serve('nobody', {})
      return kind === 'refused' ? nobody.refusedOrigin() : nobody.origin.replace('http:', 'https:')
    }
    const server = await faultServer({}, { tls: kind })
    this.#servers.set('nobody', server)
    return server.origin
  }

  /** A generator at the server of that name. */
  generator(name: 'first' | 'second', options: Partial<Parameters<typeof videosApiGenerator>[0]> = {}) {
    return videosApiGenerator({
      name,
      baseUrl: `${this.origin(name)}/v1`,
      apiKey: CANARIES[name],
      timeoutMs: REQUEST_MS,
      createTimeoutMs: REQUEST_MS,
      maxAnswerBytes: 200_000,
      allowPrivateAddresses: this.allowed,
      ...options,
    })
  }

  /** Stores in a directory of this world. */
  async uploader(): Promise<Uploader> {
    this.#directory ||= await mkdtemp(join(tmpdir(), 'sora-faults-'))
    return directoryUploader({ directory: this.#directory, publicBaseUrl: 'https://media.example/videos' })
  }

  /** A pipeline on the clock of this world. */
  pipeline(options: SoraPipelineOptions): SoraPipeline {
    return new SoraPipeline({
      clock: this.clock,
      store: this.store,
      allowPrivateAddresses: this.allowed,
      leaseMs: 600_000,
      pollSchedule: paceSchedule({ firstMs: 1000, floorMs: 1000, ceilMs: 4000, blindMs: 4000 }),
      ...options,
      deadlines: {
        generateMs: 250_000,
        publishMs: 75_000,
        resolveMs: 100_000,
        uploadMs: 150_000,
        ...options.deadlines,
      },
    })
  }

  async play(options: SoraPipelineOptions, request: VideoRequest = { prompt: 'A cat' }): Promise<Played> {
    const startedAt = performance.now()
    const run = this.pipeline(options).run(request)
    const { result, error } = await run.result.then(
      (value) => ({ result: value, error: undefined }),
      (reason: unknown) => ({ result: undefined, error: reason }),
    )
    const realMs = performance.now() - startedAt
    const events: PipelineEvent[] = []
    for await (const event of run) events.push(event)
    const stored = (await this.store.load(run.id))?.state.status
    const file = result?.uploaded?.id
    const bytes = file === undefined ? undefined : await readFile(join(this.#directory, file))
    const code = isSoraPipelineError(error) ? error.code : undefined
    return { result, error, code, events, stored, isStoredWhole: bytes?.equals(VIDEO) === true, realMs }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#servers.values()].map((server) => server.close()))
    if (this.#directory !== '') await rm(this.#directory, { recursive: true, force: true })
  }
}

/** Starts a world with everything well: two generators, the origin of the video, and a private server. */
export async function startWorld(): Promise<World> {
  const world = new World()
  await world.serve('cdn', { '/own.mp4': replyFile(VIDEO), '/MP4/*': replyFile(VIDEO), '/job': jobReply() })
  await world.serve('secret', { '/*': replyFile(VIDEO) })
  await world.serve('second', generatorRoutes(`${world.origin('cdn')}/own.mp4`))
  return world
}

/** Routes of a server of videos that is well. Without an address of the video it is at `/content`, behind the key. */
export function generatorRoutes(videoUrl?: string): FaultRoutes {
  return {
    'POST /v1/videos': jobReply(),
    '/v1/videos/video_1/content': replyFile(VIDEO),
    '/v1/videos/video_1': [jobReply({ status: 'in_progress', progress: 50 }), doneReply(videoUrl)],
  }
}

/** A job in its JSON. */
export function jobReply(fields: { readonly [key: string]: string | number | null } = {}) {
  return replyJson({ ...JOB, ...fields })
}

/** The text of {@link jobReply}. */
export function jobText(fields: { readonly [key: string]: string | number | null } = {}): string {
  return JSON.stringify({ ...JOB, ...fields })
}

/** A job that is done. */
export function doneReply(videoUrl?: string) {
  return jobReply(doneFields(videoUrl))
}

/** The report of a job that is done. */
export function doneFields(videoUrl?: string) {
  return { status: 'completed', progress: 100, ...(videoUrl !== undefined && { url: videoUrl }) }
}
