import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  ConfigurationError,
  InvalidRequestError,
  SoraPipeline,
  type SoraPipelineOptions,
  type VideoRequest,
} from '../../src/index.js'
import { fakeGenerator, fakePublisher, fakeTaskGenerator, fakeUploader } from '../../src/testing/index.js'

describe('new SoraPipeline', () => {
  it.each<[string, unknown, string]>([
    ['no options', undefined, 'options is nothing'],
    ['no generator', {}, 'generator is nothing (give an object that can generate, or start and poll)'],
    ['a generator without its verb', { generator: { name: 'x' } }, 'generator is an object'],
    [
      'a task that cannot be polled',
      { generator: { name: 'x', start: async () => undefined } },
      'generator is an object',
    ],
    [
      'a strategy in the wrong place',
      { generator: fakeGenerator(), uploader: fakePublisher() },
      'uploader is an object (give an object that can upload)',
    ],
    ['a strategy without a name', { generator: { ...fakeGenerator(), name: '' } }, 'generator.name is ""'],
    [
      'a store without methods',
      { generator: fakeGenerator(), store: { load: () => undefined } },
      'store is an object (give an object with create(), load(), save(), reschedule(), claim(), due(), heartbeat(), retire())',
    ],
    [
      'a clock with invalid times',
      {
        generator: fakeGenerator(),
        clock: { now: () => Number.NaN, monotonic: () => '1', sleep: async () => undefined } as never,
      },
      'clock.now() is NaN (give a clock that returns finite milliseconds); clock.monotonic() is "1"',
    ],
    [
      'an invalid clock',
      { generator: fakeGenerator(), clock: Date },
      'clock is a function (give an object with now(), monotonic(), sleep())',
    ],
    ['an invalid listener', { generator: fakeGenerator(), onEvent: 'log' }, 'onEvent is "log" (give a function)'],
    ['an unknown option', { generator: fakeGenerator(), uploaders: [] }, 'uploaders is unknown'],
    [
      'a negative deadline',
      { generator: fakeGenerator(), deadlines: { uploadMs: -1 } },
      'deadlines.uploadMs is -1 (give milliseconds above 0)',
    ],
    [
      'a deadline that is not a number',
      { generator: fakeGenerator(), deadlines: { totalMs: '5' } },
      'deadlines.totalMs is "5" (give milliseconds above 0)',
    ],
    ['a lease of nothing', { generator: fakeGenerator(), leaseMs: 0 }, 'leaseMs is 0 (give milliseconds above 0)'],
    ['an endless lease', { generator: fakeGenerator(), leaseMs: Number.POSITIVE_INFINITY }, 'leaseMs is Infinity'],
    [
      'an unknown deadline',
      { generator: fakeGenerator(), deadlines: { upload: 1 } },
      'deadlines.upload is unknown, did you mean uploadMs?',
    ],
    ['an invalid flag', { generator: fakeGenerator(), unpublishAfterUpload: 'yes' }, 'unpublishAfterUpload is "yes"'],
  ])('refuses %s', (_, options, message) => {
    const make = () => new SoraPipeline(options as SoraPipelineOptions)
    expect(make).toThrow(ConfigurationError)
    expect(make).toThrow(message)
  })

  it('names every problem at once', () => {
    try {
      new SoraPipeline({ generator: { name: '' }, onEvent: 1, deadlines: { totalMs: 0 } } as never)
      expect.unreachable()
    } catch (error) {
      expect((error as ConfigurationError).problems.map(({ field }) => field)).toEqual([
        'generator',
        'onEvent',
        'deadlines.totalMs',
      ])
      expect(error).toMatchObject({ code: 'configuration-invalid', isRetryable: false })
    }
  })

  it('takes a class that has several verbs, in the slot of each', async () => {
    class Everything {
      readonly name = 'all'
      generate = async () => ({ id: '1', url: 'https://a.example/a.mp4' })
      upload = async () => ({ url: 'https://b.example/a.mp4' })
    }
    const all = new Everything()
    const result = await new SoraPipeline({
      generator: all,
      uploader: all,
      deadlines: { totalMs: Number.POSITIVE_INFINITY },
    }).generate({ prompt: 'x' })
    expect(result.url).toBe('https://b.example/a.mp4')
  })
})

describe('run', () => {
  const generator = fakeTaskGenerator()
  const pipeline = new SoraPipeline({ generator, uploader: fakeUploader() })

  it.each<[string, Record<string, unknown>, string]>([
    ['no characters', { prompt: '' }, 'prompt is a text of 0 characters (give 1 to 32,000 characters)'],
    ['32,001 characters', { prompt: 'a'.repeat(32_001) }, 'prompt is a text of 32001 characters'],
    ['no prompt', { prompt: undefined }, 'prompt is nothing'],
    ['a negative duration', { durationSeconds: -1 }, 'durationSeconds is -1 (give seconds above 0)'],
    ['an endless duration', { durationSeconds: Number.POSITIVE_INFINITY }, 'durationSeconds is Infinity'],
    [
      'a malformed size',
      { size: '1280*720' },
      `size is "1280*720" (give '{width}x{height}' in pixels, such as '1280x720')`,
    ],
    ['a size with more behind it', { size: '1280x720p' }, 'size is "1280x720p"'],
    ['a size of nothing', { size: '0x720' }, 'size is "0x720"'],
    ['a malformed aspect ratio', { aspectRatio: '16/9' }, 'aspectRatio is "16/9"'],
    [
      'a data URL that is no image',
      { image: 'data:text/html;base64,PGgxPg==' },
      'image is "data:text/html" (give an http(s) URL, a data URL of type image/…',
    ],
    ['an empty data URL', { image: 'data:image/png;base64,' }, 'image is "data:image/png"'],
    ['an image of a file', { image: 'file:///etc/passwd' }, 'image is "file:///etc/passwd"'],
    ['bytes of no image', { image: { bytes: new Uint8Array(3), mediaType: 'video/mp4' } }, 'image is an object'],
    ['no bytes', { image: { bytes: new Uint8Array(0), mediaType: 'image/png' } }, 'image is an object'],
    ['a video that is an image', { video: 'data:image/png;base64,AQID' }, 'video is "data:image/png"'],
    ['an empty model', { model: '' }, 'model is "" (give a text that is not empty)'],
    ['a user that is not a string', { user: 7 }, 'user is 7 (give a text that is not empty)'],
    ['a wrong seed', { seed: 1.5 }, 'seed is 1.5'],
    ['a storyboard without shots', { storyboard: [] }, 'storyboard is an array of 0'],
    [
      'a broken shot',
      { storyboard: [{ durationSeconds: 0, prompt: 'a' }, 7] },
      'storyboard[0].durationSeconds is 0 (give seconds above 0); storyboard[1].durationSeconds is nothing',
    ],
    ['metadata that is not a string', { metadata: { a: 1 } }, 'metadata is an object (give an object of texts)'],
    [
      'provider options that are not JSON',
      { providerOptions: { now: new Map([[1, () => 1]]), f: () => 1 } },
      'providerOptions.now is an object',
    ],
    ['audio that is no flag', { audio: 'loud' }, 'audio is "loud"'],
    ['a field that does not exist', { lenght: 3 }, 'lenght is unknown (leave it out, or put it into providerOptions)'],
  ])('refuses %s before anything is sent', (_, fields, message) => {
    const start = () => pipeline.run({ prompt: 'a', ...fields } as VideoRequest)
    expect(start).toThrow(InvalidRequestError)
    expect(start).toThrow(message)
    expect(generator.startCount).toBe(0)
  })

  it('refuses an invalid request and an invalid id', async () => {
    expect(() => pipeline.run('a cat' as never)).toThrow('request is "a cat"')
    expect(() => pipeline.run({ prompt: 'a' }, { id: '' })).toThrow('id is ""')
    expect(() => pipeline.resume('a'.repeat(256))).toThrow('id is')
    await expect(pipeline.resume('a'.repeat(255)).result).rejects.toMatchObject({ code: 'run-state' })
    await expect(pipeline.generate({ prompt: '' })).rejects.toThrow(InvalidRequestError)
  })

  it('names every problem at once, and never the prompt', () => {
    const circular: Record<string, unknown> = {}
    circular.self = circular
    try {
      pipeline.run({ prompt: '', size: 'big', seed: -1, providerOptions: circular } as never)
      expect.unreachable()
    } catch (error) {
      expect((error as InvalidRequestError).problems.map(({ field }) => field)).toEqual([
        'prompt',
        'size',
        'seed',
        'providerOptions.self',
      ])
    }
    const long = 'secret plan '.repeat(3000)
    expect(() => pipeline.run({ prompt: long })).not.toThrow('secret')
  })

  it('takes any prompt of 1 to 32,000 characters unchanged, counted in code points', async () => {
    const taker = fakeGenerator()
    const run = new SoraPipeline({ generator: taker })
    await run.generate({ prompt: '🎬'.repeat(32_000) })
    // Also halves of characters. The unit of fast-check that is named for this takes seconds to make.
    const unit = fc.integer({ min: 0, max: 0x10ffff }).map((code) => String.fromCodePoint(code))
    await fc.assert(
      fc.asyncProperty(fc.string({ minLength: 1, maxLength: 200, unit }), async (prompt) => {
        await run.generate({ prompt })
        expect(taker.calls.at(-1)?.input.prompt).toBe(prompt.toWellFormed())
      }),
      { numRuns: 50 },
    )
  })

  it('keeps its own copy of the request', async () => {
    const taker = fakeGenerator()
    const request = { prompt: 'before', providerOptions: { style: 'calm' } }
    const run = new SoraPipeline({ generator: taker }).run(request)
    request.prompt = 'after'
    request.providerOptions.style = 'wild'
    await run.result
    expect(taker.calls[0]?.input).toEqual({ prompt: 'before', providerOptions: { style: 'calm' } })
  })
})
