import { describe, expect, it } from 'vitest'
import {
  type GeneratedVideo,
  NetworkError,
  type OpenOptions,
  type OpenUrl,
  SoraPipeline,
  type SoraPipelineOptions,
  UpstreamHttpError,
  type VideoSource,
} from '../../src/index.js'
import { fakeResolver, manualClock } from '../../src/testing/index.js'

const BYTES = 'the bytes of the video'
const VIDEO = { id: 'video_1', url: 'https://cdn.example/a' }
const MIRROR = 'https://mirror.example/a'
const gone = () => new UpstreamHttpError('Could not open the URL: 403', { status: 403, url: 'https://cdn.example' })
const busy = () => new NetworkError('Could not open the URL, no answer came: cdn.example')
const streamOf = (text: string) => new Blob([text]).stream()

/** A source that gives its answers in order: bytes, or an error. */
function sourceOf(
  answers: readonly (string | Error)[],
  byteLength?: number,
): VideoSource & { readonly opened: number } {
  let opened = 0
  return {
    isPublic: false,
    byteLength,
    open: async () => {
      const answer = answers[Math.min(opened, answers.length - 1)]
      opened += 1
      if (typeof answer !== 'string') throw answer
      return streamOf(answer)
    },
    get opened() {
      return opened
    },
  }
}

/** A job that reports the next of its videos at each poll. */
function tellingGenerator(...videos: readonly GeneratedVideo[]) {
  let polls = 0
  return {
    name: 'telling',
    start: async () => ({ operation: { id: 'job_1' } }),
    poll: async () => {
      const video = videos[Math.min(polls, videos.length - 1)] as GeneratedVideo
      polls += 1
      return { state: 'completed' as const, video }
    },
    get polls() {
      return polls
    },
  }
}

/** A run whose uploader reads its source as given. */
async function read<T>(
  use: (source: VideoSource) => Promise<T>,
  options: Omit<SoraPipelineOptions, 'clock' | 'pollSchedule' | 'uploader'>,
) {
  const clock = manualClock()
  let seen: T | undefined
  let failure: unknown
  const uploader = {
    name: 'reader',
    upload: async (source: VideoSource) => {
      try {
        seen = await use(source)
      } catch (error) {
        failure = error
        throw error
      }
      return { url: 'https://store.example/a.mp4' }
    },
  }
  const pipeline = new SoraPipeline({ uploader, ...options, clock, pollSchedule: () => 1000 })
  const result = await clock.runUntil(pipeline.generate({ prompt: 'A cat' }))
  return { seen, failure, result, warnings: result.warnings }
}

const text = async (source: VideoSource, open?: OpenOptions) => new Response(await source.open(open)).text()
const twice = async (source: VideoSource) => [await text(source), await text(source)]

describe('what an uploader reads', () => {
  it('describes the mirror until another place has been opened, then that place', async () => {
    const source = { ...sourceOf([BYTES], BYTES.length), mediaType: 'video/webm', expiresAt: 9e12 }
    const facts = ({ byteLength, mediaType, expiresAt, url, isPublic }: VideoSource) => {
      return { byteLength, mediaType, expiresAt, url, isPublic }
    }
    const mirrored = { url: MIRROR, byteLength: 7, mediaType: 'video/mp4', expiresAt: 8e12 }
    const openUrl: OpenUrl = async () => Promise.reject(gone())
    const { seen, warnings } = await read(async (given) => [facts(given), await text(given), facts(given)], {
      generator: tellingGenerator({ ...VIDEO, source }),
      resolver: fakeResolver({ outcome: mirrored }),
      openUrl,
    })
    expect(seen).toEqual([
      { byteLength: 7, mediaType: 'video/mp4', expiresAt: 8e12, url: MIRROR, isPublic: true },
      BYTES,
      { byteLength: BYTES.length, mediaType: 'video/webm', expiresAt: 9e12, url: MIRROR, isPublic: true },
    ])
    expect(warnings).toMatchObject([
      {
        code: 'source-replaced',
        message: 'The generated video is uploaded instead: Could not open the URL: 403',
        stage: 'upload',
      },
    ])
  })

  it('continues with the new address from the generator when the first ends in the middle', async () => {
    const [first, second] = [sourceOf([BYTES, gone()], BYTES.length), sourceOf([BYTES], BYTES.length)]
    const generator = tellingGenerator({ ...VIDEO, source: first }, { ...VIDEO, source: second })
    const { seen } = await read(async (source) => [...(await twice(source)), await text(source)], { generator })
    expect(seen).toEqual([BYTES, BYTES, BYTES])
    expect([first.opened, second.opened, generator.polls]).toEqual([2, 2, 2])
  })

  it('is requested again as often as an address expires, at the start and in the middle', async () => {
    const sources = [sourceOf([gone()]), sourceOf([BYTES, gone()], BYTES.length), sourceOf([BYTES], BYTES.length)]
    const generator = tellingGenerator(...sources.map((source) => ({ ...VIDEO, source })))
    const asked: unknown[] = []
    const poll = (operation?: unknown) => {
      asked.push(operation)
      return generator.poll()
    }
    const { seen, warnings } = await read(twice, { generator: { ...generator, poll } })
    expect(seen).toEqual([BYTES, BYTES])
    expect(asked).toEqual([{ id: 'job_1' }, { id: 'job_1' }, { id: 'job_1' }])
    expect(warnings).toMatchObject([
      {
        code: 'source-replaced',
        message: 'The fresh URL of the generator is used instead: Could not open the URL: 403',
      },
    ])
  })

  it('is not requested again from a generator of one long call, without a warning', async () => {
    const { failure, warnings } = await read(text, {
      generator: { name: 'one', generate: async () => VIDEO },
      openUrl: async () => Promise.reject(gone()),
    })
    expect(failure).toMatchObject({ code: 'upstream-http' })
    expect(warnings.map(({ code }) => code)).toEqual(['url-doubtful'])
  })

  it('is the earlier failure when the generator does not answer in time', async () => {
    const error = gone()
    const generator = tellingGenerator({ ...VIDEO, source: sourceOf([error]) })
    const poll = () => (generator.polls === 0 ? generator.poll() : new Promise<never>(() => undefined))
    const { failure, warnings } = await read(text, { generator: { ...generator, poll } })
    expect(failure).toBe(error)
    expect(warnings).toContainEqual({
      code: 'video-not-renewed',
      message: 'Could not poll telling for the video, no answer within: 30000 ms',
      stage: 'generate',
    })
  })

  it('knows when the new address from the generator expires', async () => {
    const openUrl: OpenUrl = async (url) => (url.endsWith('/new') ? streamOf(BYTES) : Promise.reject(gone()))
    const { seen } = await read(async (given) => [await text(given), given.expiresAt], {
      generator: tellingGenerator(VIDEO, { ...VIDEO, url: 'https://cdn.example/new', expiresAt: 9e12 }),
      openUrl,
    })
    expect(seen).toEqual([BYTES, 9e12])
  })

  it('never continues with another file', async () => {
    const [first, second] = [sourceOf([BYTES, gone()], BYTES.length), sourceOf(['other'], 5)]
    const generator = tellingGenerator({ ...VIDEO, source: first }, { ...VIDEO, source: second })
    const { failure } = await read(twice, { generator })
    expect(failure).toMatchObject({
      code: 'upstream-response',
      message: 'Could not open the video, it is another file now: 5 bytes, where 22 were seen',
    })
  })

  it.each([
    ['a failure that passes', busy(), BYTES.length],
    ['a file of unknown length', gone(), undefined],
  ])('does not poll the generator again in the middle for %s', async (_, error, byteLength) => {
    const generator = tellingGenerator({ ...VIDEO, source: sourceOf([BYTES, error], byteLength) })
    const { failure } = await read(twice, { generator })
    expect(failure).toBe(error)
    expect(generator.polls).toBe(1)
  })

  it('does not poll the generator again at the start for a failure that passes', async () => {
    const error = busy()
    const generator = tellingGenerator({ ...VIDEO, source: sourceOf([error]) }, { ...VIDEO, source: sourceOf([BYTES]) })
    const { failure } = await read(text, { generator })
    expect(failure).toBe(error)
    expect(generator.polls).toBe(1)
  })

  it('does not try the next place for a reader that has gone, at the start or in the middle', async () => {
    const controller = new AbortController()
    let opens = 0
    const openUrl: OpenUrl = async () => {
      opens += 1
      controller.abort('enough')
      throw gone()
    }
    const resolver = fakeResolver({ outcome: { url: MIRROR } })
    const source = sourceOf([BYTES])
    const generator = tellingGenerator({ ...VIDEO, source })
    const { failure } = await read((given) => text(given, { signal: controller.signal }), {
      generator,
      resolver,
      openUrl,
    })
    expect(failure).toBe('enough')
    expect([opens, source.opened]).toEqual([1, 0])
    const ending = sourceOf([BYTES, gone()], BYTES.length)
    const again = tellingGenerator({ ...VIDEO, source: ending })
    const middle = await read(
      async (given) => [await text(given), await text(given, { signal: AbortSignal.abort('left') })],
      { generator: again },
    )
    expect(middle.failure).toBe('left')
    expect(again.polls).toBe(1)
  })

  it.each([
    [{ state: 'failed', error: new Error('expired') }, 'the job at telling is: failed'],
    [{ state: 'running' }, 'the job at telling is: running'],
    [
      { state: 'completed', video: { id: 'video_1' } },
      'the result of poll() of telling is unusable: video.url and video.source are missing; give url, or source with open()',
    ],
    [
      'completed',
      'the result of poll() of telling is unusable: it is "completed"; give { state } with queued, running, completed or failed',
    ],
  ] as const)('is the earlier failure, with a warning, when the generator now reports %j', async (now, told) => {
    const error = gone()
    const generator = tellingGenerator({ ...VIDEO, source: sourceOf([error]) })
    const poll = async () => (generator.polls === 0 ? generator.poll() : (now as never))
    const { failure, warnings } = await read(text, { generator: { ...generator, poll } })
    expect(failure).toBe(error)
    expect(warnings).toContainEqual({
      code: 'video-not-renewed',
      message: `Could not open the video again, ${told}`,
      stage: 'generate',
    })
  })

  it.each([
    ['cannot be opened', gone(), ['url-doubtful']],
    ['could not be reached', busy(), ['url-doubtful']],
    ['this machine may not reach', new NetworkError('Could not open the URL: private', { isRefusal: true }), []],
  ])('reports of a URL that %s what follows from it for others', async (_, error, codes) => {
    const openUrl: OpenUrl = async () => Promise.reject(error)
    const { result, warnings } = await read(text, { generator: tellingGenerator(VIDEO), openUrl })
    expect(result.url).toBe(VIDEO.url)
    expect(warnings.map(({ code }) => code).filter((code) => code === 'url-doubtful')).toEqual(codes)
  })
})
