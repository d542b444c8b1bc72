import { describe, expect, it } from 'vitest'
import {
  type GeneratedVideo,
  memoryStore,
  NetworkError,
  type OpenUrl,
  SoraPipeline,
  type SoraPipelineOptions,
  type Uploader,
  UpstreamHttpError,
} from '../../src/index.js'
import type { RunState } from '../../src/pipeline/state/run-state.js'
import { fakeResolver, fakeUploader, manualClock } from '../../src/testing/index.js'

const request = { prompt: 'A cat playing piano' }
const BYTES = 'the bytes of the video'
const gone = () => new UpstreamHttpError('Could not open the URL: 403', { status: 403, url: 'https://cdn.example' })

/** A task generator whose job reports the next of its videos at each poll. */
function tellingGenerator(...videos: readonly (Partial<GeneratedVideo> & { readonly url: string })[]) {
  let polls = 0
  return {
    name: 'telling',
    start: async () => ({ operation: { id: 'job_1' } }),
    poll: async () => {
      const video = videos[Math.min(polls, videos.length - 1)]
      polls += 1
      if (video === undefined) throw gone()
      return { state: 'completed' as const, video: { id: 'video_1', ...video } as GeneratedVideo }
    },
    get polls() {
      return polls
    },
  }
}

/** Opens what is in the list, and nothing else. */
function opening(...urls: readonly string[]): OpenUrl {
  return async (url, { offset = 0 }) => {
    if (!urls.includes(url)) throw gone()
    return new Blob([BYTES.slice(offset)]).stream()
  }
}

const copier: Uploader = {
  name: 'copier',
  upload: async (source) => {
    const bytes = await new Response(await source.open()).text()
    return { url: `https://store.example/${bytes === BYTES ? 'whole' : 'wrong'}` }
  },
}

async function play(options: Omit<SoraPipelineOptions, 'clock' | 'pollSchedule'>) {
  const clock = manualClock()
  const store = memoryStore()
  const pipeline = new SoraPipeline({ store, ...options, clock, pollSchedule: () => 1000 })
  const run = pipeline.run(request)
  const result = await clock.runUntil(run.result)
  const state = (await store.load(run.id))?.state as unknown as RunState
  return { result, state, clock, codes: result.warnings.map(({ code }) => code) }
}

describe('the URL of a run', () => {
  it('is requested again when the address of the video has expired before it was copied', async () => {
    const generator = tellingGenerator({ url: 'https://cdn.example/old' }, { url: 'https://cdn.example/new' })
    const { result, codes } = await play({ generator, uploader: copier, openUrl: opening('https://cdn.example/new') })
    expect(result).toMatchObject({ url: 'https://store.example/whole', servedBy: 'uploader', isDegraded: false })
    expect(codes).toEqual(['source-replaced'])
    expect(generator.polls).toBe(2)
  })

  it('is the newly reported one when the first has expired by the end', async () => {
    const now = manualClock().now()
    const generator = tellingGenerator(
      { url: 'https://cdn.example/old', expiresAt: now + 30_000 },
      { url: 'https://cdn.example/new', expiresAt: now + 9_000_000 },
    )
    const uploader = fakeUploader({ outcome: gone(), delayMs: 60_000 })
    const { result, state } = await play({ generator, uploader })
    expect(result).toMatchObject({ url: 'https://cdn.example/new', servedBy: 'generator', isDegraded: true })
    expect(result.video.url).toBe('https://cdn.example/new')
    expect(state.candidates?.map(({ url }) => url)).toEqual(['https://cdn.example/old', 'https://cdn.example/new'])
  })

  it('is not that of a mirror that could not be opened', async () => {
    const generator = tellingGenerator({ url: 'https://cdn.example/own' })
    const resolver = fakeResolver({ outcome: { url: 'https://mirror.example/dead' } })
    const failing: Uploader = {
      name: 'failing',
      upload: async (source) => {
        await (await source.open()).cancel()
        throw gone()
      },
    }
    const openUrl = opening('https://cdn.example/own')
    const { result, state } = await play({ generator, resolver, uploader: failing, openUrl })
    expect(result).toMatchObject({ url: 'https://cdn.example/own', servedBy: 'generator', isDegraded: true })
    expect(state.candidates).toMatchObject([
      { url: 'https://cdn.example/own', verifiedAt: expect.any(Number) },
      { url: 'https://mirror.example/dead', failedAt: expect.any(Number) },
    ])
    expect(generator.polls).toBe(1)
  })

  it('stays that of a mirror that is blocked only on this machine', async () => {
    const generator = tellingGenerator({ url: 'https://cdn.example/own' })
    const resolver = fakeResolver({ outcome: { url: 'https://mirror.example/a' } })
    const openUrl: OpenUrl = async () => {
      throw new NetworkError('Could not open: private', { isRefusal: true, isRetryable: false })
    }
    const { result } = await play({ generator, resolver, uploader: copier, openUrl })
    expect(result).toMatchObject({ url: 'https://mirror.example/a', servedBy: 'resolver', isDegraded: true })
  })

  it('is the best one known, with a warning, when nothing could be opened', async () => {
    const generator = tellingGenerator({ url: 'https://cdn.example/own' })
    const { result, codes } = await play({ generator, uploader: copier, openUrl: opening() })
    expect(result).toMatchObject({ url: 'https://cdn.example/own', servedBy: 'generator', isDegraded: true })
    expect(codes).toContain('url-doubtful')
  })

  it('survives a generator that does not know its job any more', async () => {
    let polls = 0
    const generator = {
      ...tellingGenerator({ url: 'https://cdn.example/old' }),
      poll: async () => {
        polls += 1
        if (polls > 1) throw gone()
        return { state: 'completed' as const, video: { id: 'video_1', url: 'https://cdn.example/old' } }
      },
    }
    const { result, codes } = await play({ generator, uploader: copier, openUrl: opening() })
    expect(result).toMatchObject({ url: 'https://cdn.example/old', isDegraded: true })
    expect(codes).toEqual(['video-not-renewed', 'url-doubtful'])
  })
})

describe('a transfer', () => {
  const own = (length: number, opens: (url: string, offset: number) => void) => (name: string) => ({
    url: `https://cdn.example/${name}`,
    source: {
      url: `https://cdn.example/${name}`,
      isPublic: true,
      byteLength: length,
      open: async ({ offset = 0 } = {}) => {
        opens(name, offset)
        if (name === 'old' && offset > 0) throw gone()
        return new Blob([BYTES.slice(offset)]).stream()
      },
    },
  })
  const resuming: Uploader = {
    name: 'resuming',
    upload: async (source) => {
      const head = (await new Response(await source.open()).text()).slice(0, 4)
      const tail = await new Response(await source.open({ offset: 4 })).text()
      return { url: `https://store.example/${head + tail === BYTES ? 'whole' : 'wrong'}` }
    },
  }

  it('continues at the new address when the old one expires in the middle of it', async () => {
    const opened: string[] = []
    const video = own(BYTES.length, (name, offset) => opened.push(`${name} ${offset}`))
    const { result } = await play({ generator: tellingGenerator(video('old'), video('new')), uploader: resuming })
    expect(result).toMatchObject({ url: 'https://store.example/whole', isDegraded: false })
    expect(opened).toEqual(['old 0', 'old 4', 'new 4'])
  })

  it('never continues with a file of another length', async () => {
    const old = own(BYTES.length, () => undefined)('old')
    const other = own(BYTES.length + 1, () => undefined)('new')
    const { result } = await play({ generator: tellingGenerator(old, other), uploader: resuming })
    expect(result).toMatchObject({ servedBy: 'generator', isDegraded: true })
    expect(result.attempts.at(-1)).toMatchObject({ strategy: 'resuming', errorCode: 'upstream-response' })
  })
})

it('a state that was saved without candidates completes with the URL of its stages', async () => {
  const store = memoryStore()
  const clock = manualClock()
  const generator = tellingGenerator({ url: 'https://cdn.example/own' })
  const first = new SoraPipeline({ generator, resolver: fakeResolver(), store, clock, pollSchedule: () => 1000 })
  const { url, runId } = await clock.runUntil(first.generate(request))
  const loaded = await store.load(runId)
  const { candidates: _, status: _status, ...state } = (loaded?.state ?? {}) as unknown as RunState
  await store.save(runId, loaded?.version ?? 0, { ...(state as object), status: 'running', wakeAt: 0 })
  const again = new SoraPipeline({ generator, resolver: fakeResolver(), store, clock })
  expect((await clock.runUntil(again.resume(runId).result)).url).toBe(url)
})
