import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  fallback,
  isSoraPipelineError,
  memoryStore,
  type RunStore,
  type SoraPipelineOptions,
  type Uploader,
  withRetry,
} from 'sora-pipeline'
import { fileStore } from 'sora-pipeline/stores'
import { directoryUploader, mirrorResolver } from 'sora-pipeline/strategies'
import { neverReply, reply, replyFile } from 'sora-pipeline/testing'
import type { Cell } from './cell.ts'
import { fastClock } from './fast-clock.ts'
import {
  doneReply,
  generatorRoutes,
  jobReply,
  type Played,
  REQUEST_MS,
  RETRY,
  SPEED,
  VIDEO,
  type World,
} from './world.ts'

type Play = Cell['play']

/** A file, so no directory can be made below it. */
const NO_DIRECTORY = join(fileURLToPath(import.meta.url), 'below')
const SKEW_MS = 600_000

const cell = (row: number, fault: string, stage: string, expected: string, play: Play): Cell => {
  return { row, fault, stage, expected, play }
}

/** Faults that are not those of one answer: a sequence of them, the request, the clock, the code around, the store. */
export const SPECIAL_CELLS: readonly Cell[] = [
  cell(42, 'completed, and failed when asked again', 'poll', 'completed', async (world) => {
    const videoUrl = `${world.origin('cdn')}/own.mp4`
    const polls = [doneReply(videoUrl), jobReply({ status: 'failed', error: 'Broke' })]
    await world.serve('first', { ...generatorRoutes(videoUrl), '/v1/videos/video_1': polls })
    return ending(world, await world.play({ generator: chain(world), uploader: await world.uploader() }))
  }),
  cell(43, 'address of the video expired, the job tells a new one', 'source', 'completed', async (world) => {
    await world.serve('mirror', { '/old.mp4': reply({ status: 403 }), '/new.mp4': replyFile(VIDEO) })
    const polls = ['old', 'new'].map((name) => doneReply(`${world.origin('mirror')}/${name}.mp4`))
    await world.serve('first', { ...generatorRoutes(), '/v1/videos/video_1': polls })
    return ending(world, await world.play({ generator: chain(world), uploader: await world.uploader() }))
  }),
  cell(44, 'HEAD that lies about the length', 'source', 'completed', async (world) => {
    const lie = { headers: { 'content-length': String(VIDEO.byteLength + 1000) } }
    const routes = { 'HEAD /MP4/*': replyFile(VIDEO, lie), '/MP4/*': replyFile(VIDEO) }
    return ending(world, await through(world, routes))
  }),
  ...[
    ['NUL', 'a\0b'],
    ['right to left', '\u202eabc \u05d0'],
    ['emoji', '👩‍👩‍👧‍👦 plays'],
    ['line separators', 'a\u2028b\u2029c\r\nd'],
    ['a lone surrogate', 'a\ud800b'],
    ['quotes and backslashes', '"\\u0041\'`$'],
    ['32,000 emoji', '🎹'.repeat(32_000)],
  ].map(([name = '', prompt = '']) =>
    cell(56, `prompt: ${name}`, 'create', 'arrived', async (world) => {
      await world.serve('first', generatorRoutes(`${world.origin('cdn')}/own.mp4`))
      const played = await world.play({ generator: chain(world) }, { prompt })
      const [sent] = world.seen('first', 'POST')
      const { prompt: seen } = JSON.parse(Buffer.from(sent?.body ?? []).toString()) as { prompt: string }
      const hasArrived = played.result?.isDegraded === false && seen === prompt.toWellFormed()
      return { played, outcome: hasArrived ? 'arrived' : `arrived as ${JSON.stringify(seen).slice(0, 60)}` }
    }),
  ),
  ...[
    ['100 kB', 'a'.repeat(100_000)],
    ['empty', ''],
  ].map(([name = '', prompt = '']) =>
    cell(56, `prompt: ${name}`, 'create', 'nothing sent', async (world) => {
      await world.serve('first', generatorRoutes())
      const refusal = await world.play({ generator: chain(world) }, { prompt }).catch((error: unknown) => error)
      const isRefused = isSoraPipelineError(refusal) && refusal.code === 'request-invalid'
      return { outcome: isRefused && world.seen('first').length === 0 ? 'nothing sent' : 'something sent' }
    }),
  ),
  ...[SKEW_MS, -SKEW_MS].flatMap((skewMs) =>
    (['create', 'poll'] as const).map((stage) =>
      cell(57, `clock jumps by ${skewMs / 60_000} min`, stage, 'completed', async (world) => {
        const isPast = () => world.seen('first', stage === 'create' ? 'POST' : 'GET').length > 0
        const clock = fastClock(SPEED, () => (isPast() ? skewMs : 0))
        await world.serve('first', generatorRoutes(`${world.origin('cdn')}/own.mp4`))
        const options = { generator: chain(world), uploader: await world.uploader(), clock }
        return ending(world, await world.play({ ...options, deadlines: { generateMs: 1_800_000 } }))
      }),
    ),
  ),
  cell(59, 'onEvent throws', 'create', 'completed', async (world) => {
    const onEvent = () => {
      throw new Error('my listener')
    }
    return ending(world, await plain(world, { onEvent }))
  }),
  cell(59, 'publisher throws before it awaits', 'publish', 'continues', async (world) => {
    const publish = () => {
      throw new TypeError('my bug')
    }
    return ending(world, await plain(world, { publisher: { name: 'mine', publish } }))
  }),
  cell(59, 'publisher never settles', 'publish', 'continues', async (world) => {
    const publish = () => new Promise<never>(() => undefined)
    return ending(world, await plain(world, { publisher: { name: 'mine', publish } }))
  }),
  cell(59, 'resolver throws a text', 'probe', 'continues', async (world) => {
    const resolve = () => Promise.reject('no')
    return ending(world, await plain(world, { resolver: { name: 'mine', resolve } }))
  }),
  cell(59, 'uploader gives back nothing', 'target', 'continues', async (world) => {
    const uploader = { name: 'mine', upload: async () => undefined } as unknown as Uploader
    return ending(world, await plain(world, { uploader }))
  }),
  cell(59, 'credential that cannot be had', 'create', 'completed by the second', async (world) => {
    await world.serve('first', generatorRoutes())
    const apiKey = () => Promise.reject(new Error('vault is sealed'))
    const generator = fallback(world.generator('first', { apiKey }), world.generator('second'))
    return ending(world, await world.play({ generator }))
  }),
  ...aborts(),
  cell(61, 'store down before the run', 'create', 'nothing sent', async (world) => {
    return ending(world, await plain(world, { store: failing('create', () => true) }))
  }),
  cell(61, 'store down before the submission', 'create', 'nothing sent', async (world) => {
    return ending(world, await plain(world, { store: failing('save', (call) => call >= 1) }))
  }),
  cell(61, 'store down after the submission', 'poll', 'completed', async (world) => {
    const isSent = () => world.seen('first', 'POST').length > 0
    return ending(world, await plain(world, { store: failing('save', isSent) }))
  }),
  cell(62, 'file store in no directory', 'create', 'nothing sent', async (world) => {
    return ending(world, await plain(world, { store: fileStore({ directory: NO_DIRECTORY }) }))
  }),
  cell(62, 'uploads in no directory', 'target', 'continues', async (world) => {
    const uploader = directoryUploader({ directory: NO_DIRECTORY, publicBaseUrl: 'https://media.example' })
    return ending(world, await plain(world, { uploader }))
  }),
]

/** An abort while something hangs: it settles at once with the caller's own reason, and the connection is closed. */
function aborts(): readonly Cell[] {
  const hang = neverReply()
  const own = (world: World) => `${world.origin('cdn')}/own.mp4`
  const abort = (stage: string, server: string, arrange: (world: World) => Promise<SoraPipelineOptions>) =>
    cell(60, 'abort while an answer is waited for', stage, 'stopped', async (world) => {
      const options = await arrange(world)
      const method = { create: 'POST', probe: 'HEAD' }[stage] ?? 'GET'
      const isThere = () => world.seen(server, method).find(({ path }) => isHanging(path, stage))
      return { outcome: await stop(world, options, isThere) }
    })
  return [
    cell(60, 'abort before the start', 'create', 'nothing sent', async (world) => {
      await world.serve('first', generatorRoutes(own(world)))
      const reason = new Error('the user left')
      const run = world
        .pipeline({ generator: chain(world) })
        .run({ prompt: 'A cat' }, { signal: AbortSignal.abort(reason) })
      const error = await run.result.catch((thrown: unknown) => thrown)
      return { outcome: error === reason && world.seen('first').length === 0 ? 'nothing sent' : 'something sent' }
    }),
    abort('create', 'first', async (world) => {
      await world.serve('first', { ...generatorRoutes(own(world)), 'POST /v1/videos': hang })
      return { generator: chain(world) }
    }),
    abort('poll', 'first', async (world) => {
      await world.serve('first', { ...generatorRoutes(own(world)), '/v1/videos/video_1': hang })
      return { generator: chain(world) }
    }),
    abort('download', 'first', async (world) => {
      await world.serve('first', { ...generatorRoutes(), '/v1/videos/video_1/content': hang })
      return { generator: chain(world), uploader: withRetry(await world.uploader(), RETRY) }
    }),
    abort('probe', 'mirror', async (world) => {
      await world.serve('first', generatorRoutes(own(world)))
      await world.serve('mirror', { '/*': hang })
      return { generator: chain(world), resolver: resolverOf(world) }
    }),
    abort('source', 'mirror', async (world) => {
      await world.serve('first', generatorRoutes(own(world)))
      await world.serve('mirror', { 'HEAD /*': replyFile(VIDEO), '/*': hang })
      return { generator: chain(world), resolver: resolverOf(world), uploader: await world.uploader() }
    }),
  ]
}

function isHanging(path: string, stage: string): boolean {
  if (stage === 'create') return path === '/v1/videos'
  if (stage === 'poll') return path.endsWith('/video_1')
  return stage === 'download' ? path.endsWith('/content') : path.endsWith('.mp4')
}

async function stop(
  world: World,
  options: SoraPipelineOptions,
  hanging: () => { readonly method: string; readonly wasAborted: boolean } | undefined,
): Promise<string> {
  const reason = new Error('the user left')
  const run = world.pipeline(options).run({ prompt: 'A cat' })
  for (let tries = 0; tries < 300 && hanging() === undefined; tries += 1) await world.clock.sleep(10 * SPEED)
  const abortedAt = performance.now()
  const ended = run.cancel(reason)
  const error = await run.result.catch((thrown: unknown) => thrown)
  const settledMs = performance.now() - abortedAt
  await ended
  // The server learns of a closed connection a moment later; the answer to a submission is waited for, for half a minute.
  for (let tries = 0; tries < 400 && hanging()?.wasAborted === false; tries += 1) await world.clock.sleep(10 * SPEED)
  if (error !== reason) return `rejected with ${String(error)}`
  if (settledMs > 250) return `settled after ${Math.round(settledMs)} ms`
  return hanging()?.wasAborted ? 'stopped' : 'left a connection open'
}

function chain(world: World) {
  return fallback(world.generator('first'), world.generator('second'))
}

function resolverOf(world: World) {
  return mirrorResolver({ hosts: [world.origin('mirror')], path: '/MP4/{videoId}.mp4', timeoutMs: 10 * REQUEST_MS })
}

async function plain(world: World, options: Partial<SoraPipelineOptions>): Promise<Played> {
  await world.serve('first', generatorRoutes(`${world.origin('cdn')}/own.mp4`))
  return world.play({ generator: chain(world), ...options })
}

async function through(world: World, routes: Parameters<World['serve']>[1]): Promise<Played> {
  await world.serve('mirror', routes)
  await world.serve('first', generatorRoutes(`${world.origin('cdn')}/own.mp4`))
  return world.play({ generator: chain(world), resolver: resolverOf(world), uploader: await world.uploader() })
}

/** `completed`, `completed by the second`, `continues` (degraded, the generator's own URL), `nothing sent`. */
function ending(world: World, played: Played): { readonly played: Played; readonly outcome: string } {
  const { result, code, isStoredWhole } = played
  const creates = world.seen('first', 'POST').length
  const paid = world.seen('second', 'POST').length
  const outcome = () => {
    if (result === undefined) return creates + paid === 0 && code === 'run-state' ? 'nothing sent' : `ends: ${code}`
    if (creates + paid !== 1) return `${creates} and ${paid} creates`
    if (result.uploaded && !isStoredWhole) return 'another file was stored'
    if (result.isDegraded)
      return result.url === `${world.origin('cdn')}/own.mp4` ? 'continues' : `degraded: ${result.servedBy}`
    return paid === 1 ? 'completed by the second' : 'completed'
  }
  return { played, outcome: outcome() }
}

/** A store that fails in one of its calls, counted from 1. */
function failing(verb: 'create' | 'save', isDown: (call: number) => boolean): RunStore {
  const store = memoryStore()
  let calls = 0
  const fail = <Arguments extends readonly unknown[], T>(call: (...given: Arguments) => Promise<T>) => {
    return async (...given: Arguments): Promise<T> => {
      calls += 1
      if (isDown(calls)) throw new Error('the store is down')
      return call(...given)
    }
  }
  return { ...store, create: store.create.bind(store), [verb]: fail(store[verb].bind(store) as never) }
}
