import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import {
  fallback,
  GenerationFailedError,
  memoryStore,
  type RunStore,
  SoraPipeline,
  type SoraPipelineOptions,
  SubmissionUnknownError,
  type VideoRequest,
} from '../../src/index.js'
import { fingerprintOf } from '../../src/pipeline/state/request-fingerprint.js'
import { fakeGenerator, fakeTaskGenerator, manualClock } from '../../src/testing/index.js'
import * as former from '../fixtures/sora-pipeline-0.1.0/index.js'

const IMAGE = Buffer.from('the pixels of an image')
const CLIP = Buffer.from('the frames of a clip')
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
const dataUrl = (bytes: Buffer, mediaType: string) => `data:${mediaType};base64,${bytes.toString('base64')}`
const named = (bytes: Buffer, mediaType: string) => ({ sha256: sha256(bytes), mediaType, byteLength: bytes.length })

const AS_BYTES: VideoRequest = {
  prompt: 'A cat',
  image: { bytes: IMAGE, mediaType: 'image/png' },
  audioInput: { bytes: CLIP, mediaType: 'audio/mpeg' },
}
const AS_URLS: VideoRequest = {
  prompt: 'A cat',
  image: dataUrl(IMAGE, 'image/png'),
  audioInput: dataUrl(CLIP, 'audio/mpeg'),
}
const KEPT = { prompt: 'A cat', image: named(IMAGE, 'image/png'), audioInput: named(CLIP, 'audio/mpeg') }

type Call = { readonly method: string; readonly given: readonly unknown[] }

/** A store that records its calls. */
function recorded(inner: RunStore) {
  const calls: Call[] = []
  const wrapped = Object.entries(inner).map(([method, operation]) => [
    method,
    (...given: unknown[]) => {
      calls.push({ method, given: structuredClone(given) })
      return (operation as (...all: unknown[]) => Promise<unknown>)(...given)
    },
  ])
  const of = (method: string) => calls.filter((call) => call.method === method)
  return { store: Object.fromEntries(wrapped) as RunStore, calls, of }
}

function setUp(options: Partial<SoraPipelineOptions> = {}) {
  const clock = manualClock()
  const { store, calls, of } = recorded(memoryStore({ clock }))
  const base = { generator: fakeTaskGenerator({ polls: 3 }), store, clock, pollSchedule: () => 1000, ...options }
  const pipeline = new SoraPipeline(base)
  const isKept = async (bytes: Buffer = IMAGE) => (await store.getMedia?.(sha256(bytes))) !== undefined
  const another = (more: Partial<SoraPipelineOptions> = {}) => new SoraPipeline({ ...base, ...more })
  return { clock, store, calls, of, pipeline, isKept, another, generator: base.generator }
}

// A generator is given bytes or a data URL; which of them is the business of neither.
function bytesOf(media: VideoRequest['image']): Buffer {
  return typeof media === 'string' ? Buffer.from(media.split(',')[1] ?? '', 'base64') : Buffer.from(media?.bytes ?? [])
}

describe('media of a request', () => {
  it.each([
    ['bytes', AS_BYTES],
    ['data URLs', AS_URLS],
  ])('given as %s is put once, before the run is created, and named in its state', async (_, request) => {
    const generator = fakeTaskGenerator({ polls: 3 })
    const { clock, calls, of, pipeline } = setUp({ generator })
    await clock.runUntil(pipeline.generate(request, { id: 'run_1' }))
    expect(of('putMedia').map(({ given }) => given.slice(0, 2))).toEqual([
      ['run_1', sha256(IMAGE)],
      ['run_1', sha256(CLIP)],
    ])
    const order = calls.map(({ method }) => method)
    expect(order.lastIndexOf('putMedia')).toBeLessThan(order.indexOf('create'))
    const states = [...of('create').map(({ given }) => given[1]), ...of('save').map(({ given }) => given[2])]
    expect(states.length).toBeGreaterThan(3)
    for (const state of states) expect(state).toMatchObject({ request: KEPT })
    const [call] = generator.calls
    expect([bytesOf(call?.input.image), bytesOf(call?.input.audioInput)]).toEqual([IMAGE, CLIP])
    expect(call?.input.prompt).toBe('A cat')
  })

  it('that is not the base64 of a data URL stays in the state as it was given', async () => {
    for (const image of [
      'data:image/svg+xml,%3Csvg%3E',
      'https://cdn.example/a.png',
      'data:image/png;name=a;base64,AAAA',
    ]) {
      const { clock, of, pipeline, generator } = setUp()
      await clock.runUntil(pipeline.generate({ prompt: 'A cat', image }))
      expect(of('putMedia')).toEqual([])
      expect(of('create')[0]?.given[1]).toMatchObject({ request: { image } })
      expect((generator as ReturnType<typeof fakeTaskGenerator>).calls[0]?.input.image).toBe(image)
    }
  })

  it('is the same for a fingerprint, as bytes or as data URL, and as version 0.1.0 had it', async () => {
    const pieces = Buffer.alloc(3 * 65_536 + 1, 7) // More than one piece, and the last is padded.
    const prompt = 'A cat'
    const requests: readonly VideoRequest[] = [
      { prompt, image: AS_BYTES.image },
      { prompt, image: AS_URLS.image },
      { prompt, video: { bytes: CLIP, mediaType: 'video/mp4' } },
      { prompt, video: dataUrl(CLIP, 'video/mp4') },
      { prompt, image: { bytes: pieces, mediaType: 'image/png' } },
      { prompt, image: { bytes: new Uint8Array(pieces.buffer, 1, 5), mediaType: 'image/png' } },
      { seed: 7, prompt: 'a "quoted" 🐈 \ud83d prompt', audio: false, model: undefined },
      {
        prompt: 'B',
        providerOptions: { z: [1, { b: 1, a: null }], a: 1, é: 1, '10': 1, '9': 2 },
        metadata: { ü: '1', a: '2', Z: '3' },
        storyboard: [{ prompt: 'c', durationSeconds: 1.5 }],
      },
    ]
    for (const request of requests) {
      const clock = manualClock()
      const states: { fingerprint?: string }[] = []
      const store = former.memoryStore() as unknown as RunStore
      const create: RunStore['create'] = async (id, state) => {
        states.push(state as never)
        return store.create(id, state)
      }
      const old = new former.SoraPipeline({ generator: fakeGenerator(), store: { ...store, create }, clock } as never)
      await clock.runUntil(old.generate(request as never))
      const { store: kept, of } = recorded(memoryStore({ clock }))
      await clock.runUntil(new SoraPipeline({ generator: fakeGenerator(), store: kept, clock }).generate(request))
      expect(states[0]?.fingerprint).toMatch(/^[0-9a-f]{64}$/)
      expect(of('create')[0]?.given[1]).toMatchObject({ fingerprint: states[0]?.fingerprint })
    }
    expect(fingerprintOf(AS_URLS)).toBe(fingerprintOf(AS_BYTES))
  })

  it.each(['media-bytes', 'media-urls', 'whole-request'])('of a run of version 0.1.0, %s, joins it', async (kind) => {
    const path = new URL(`../fixtures/runs-v1/${kind}.json`, import.meta.url)
    const { state } = JSON.parse(await readFile(path, 'utf8'))
    expect(fingerprintOf(state.request)).toBe(state.fingerprint)
    const asBytes = Object.entries(state.request as Record<string, unknown>).map(([field, value]) => {
      const [, mediaType, base64] = /^data:(.*);base64,(.*)$/.exec(String(value)) ?? []
      return [field, base64 === undefined ? value : { bytes: Buffer.from(base64, 'base64'), mediaType }]
    })
    expect(fingerprintOf(Object.fromEntries(asBytes))).toBe(state.fingerprint)
  })

  it.each([
    [AS_BYTES, AS_URLS],
    [AS_URLS, AS_BYTES],
  ])('in the other form joins the run of the same id, live and ended', async (first, second) => {
    const { clock, pipeline, another, of, generator, isKept } = setUp()
    const run = pipeline.run(first, { id: 'run_1' })
    await clock.advance(10)
    const same = pipeline.run(second, { id: 'run_1' })
    const elsewhere = another().run(second, { id: 'run_1' })
    const urls = await clock.runUntil(Promise.all([run, same, elsewhere].map(async ({ result }) => (await result).url)))
    expect(new Set(urls).size).toBe(1)
    expect((await clock.runUntil(another().run(second, { id: 'run_1' }).result)).url).toBe(urls[0])
    const different = another().run({ ...second, image: dataUrl(CLIP, 'image/png') }, { id: 'run_1' })
    await expect(clock.runUntil(different.result)).rejects.toMatchObject({
      message: 'Could not join the run, its id belongs to a different request: run_1',
    })
    expect((generator as ReturnType<typeof fakeTaskGenerator>).startCount).toBe(1)
    expect(of('putMedia')).toHaveLength(2)
    expect([await isKept(IMAGE), await isKept(CLIP)]).toEqual([false, false])
  })

  it('stays in the state of a store that keeps no media', async () => {
    const { putMedia: _put, getMedia: _get, dropMedia: _drop, ...plain } = memoryStore()
    const { store, of } = recorded(plain)
    const { clock, pipeline, generator } = setUp({ store })
    await clock.runUntil(pipeline.generate(AS_BYTES))
    expect(of('create')[0]?.given[1]).toMatchObject({ request: AS_URLS })
    const [call] = (generator as ReturnType<typeof fakeTaskGenerator>).calls
    expect([bytesOf(call?.input.image), bytesOf(call?.input.audioInput)]).toEqual([IMAGE, CLIP])
  })

  it('is not changed by a caller that writes into its bytes afterwards', async () => {
    const bytes = Buffer.from(IMAGE)
    const { clock, pipeline, generator } = setUp()
    const result = pipeline.generate({ prompt: 'A cat', image: { bytes, mediaType: 'image/png' } })
    bytes.fill(0)
    await clock.runUntil(result)
    expect(bytesOf((generator as ReturnType<typeof fakeTaskGenerator>).calls[0]?.input.image)).toEqual(IMAGE)
  })
})

describe('the removal of kept media', () => {
  const verdict = {
    state: 'failed',
    error: new GenerationFailedError('Could not generate the video: moderation'),
  } as const

  it('happens when the run completes, fails or is aborted, and not before', async () => {
    const endings = {
      completed: setUp(),
      failed: setUp({ generator: fakeTaskGenerator({ polls: [{ state: 'running' }, verdict] }) }),
      refused: setUp({ generator: fakeTaskGenerator({ starts: [verdict.error] }) }),
      aborted: setUp({ generator: fakeTaskGenerator({ polls: 1000 }) }),
      late: setUp({ generator: fakeTaskGenerator({ polls: 1000 }), deadlines: { generateMs: 5000 } }),
    }
    for (const [ending, { clock, pipeline, isKept, store }] of Object.entries(endings)) {
      const run = pipeline.run(AS_BYTES, { id: 'run_1' })
      await clock.advance(ending === 'refused' ? 0 : 900)
      if (ending !== 'refused') expect(await isKept()).toBe(true)
      if (ending === 'aborted') await run.cancel()
      await clock.runUntil(run.result.catch(() => undefined))
      await clock.advance(100)
      expect([ending, await isKept(IMAGE), await isKept(CLIP)]).toEqual([ending, false, false])
      expect((await store.load('run_1'))?.state).toMatchObject({ request: KEPT })
    }
  })

  it('waits while the run is in review, and happens when a person has settled it', async () => {
    const generator = fakeTaskGenerator({ starts: [new SubmissionUnknownError('Could not learn the outcome: host')] })
    const { clock, pipeline, isKept, another } = setUp({ generator })
    await expect(clock.runUntil(pipeline.generate(AS_BYTES, { id: 'run_1' }))).rejects.toMatchObject({
      code: 'submission-unknown',
    })
    await pipeline.prune({ endedBefore: clock.now() })
    expect(await isKept()).toBe(true)
    const other = another()
    await clock.runUntil((await other.settle('run_1', 'not-submitted')).result)
    expect(bytesOf(generator.calls[1]?.input.image)).toEqual(IMAGE)
    expect(await isKept()).toBe(false)
  })

  it('is left out when the end of the run could not be saved: another process may resume it', async () => {
    const { clock, store, pipeline, isKept, another } = setUp()
    const { save } = store
    let isDown = true
    store.save = (...given) =>
      isDown && given[2].status !== 'running' ? Promise.reject(new Error('ECONNREFUSED')) : save(...given)
    const flaky = another({ store: { ...store } })
    const { url } = await clock.runUntil(flaky.generate(AS_BYTES, { id: 'run_1' }))
    expect(await isKept()).toBe(true)
    isDown = false
    expect((await clock.runUntil(pipeline.resume('run_1').result)).url).toBe(url)
    expect(await isKept()).toBe(false)
  })

  it('waits for the last of two runs that share it', async () => {
    const { clock, pipeline, another, isKept, of } = setUp({ generator: fakeTaskGenerator({ polls: 2 }) })
    const long = another({ generator: fakeTaskGenerator({ name: 'other', polls: 20 }) }).run(AS_URLS)
    await clock.runUntil(pipeline.generate(AS_BYTES))
    expect(of('dropMedia')).toHaveLength(1)
    expect(await isKept()).toBe(true)
    await clock.runUntil(long.result)
    expect(await isKept()).toBe(false)
  })

  it('happens when another process created and ended the run in between', async () => {
    const { clock, store, pipeline, another, isKept } = setUp()
    const { putMedia } = store
    let isFirst = true
    const overtaking: RunStore['putMedia'] = async (...given) => {
      if (isFirst) {
        isFirst = false
        await pipeline.generate(AS_BYTES, { id: 'run_1' })
      }
      return putMedia?.(...given)
    }
    const late = another({ store: { ...store, putMedia: overtaking } }).run(AS_BYTES, { id: 'run_1' })
    await expect(clock.runUntil(late.result)).resolves.toMatchObject({ servedBy: 'generator' })
    await clock.advance(0)
    expect(await isKept()).toBe(false)
  })
})

describe('kept media is read back', () => {
  it('by another process that submits, also for the second generator of a chain', async () => {
    const [first, second] = [
      fakeTaskGenerator({
        name: 'first',
        polls: [{ state: 'failed', error: new GenerationFailedError('Could not generate the video: busy') }],
      }),
      fakeTaskGenerator({ name: 'second' }),
    ]
    const { clock, store, another } = setUp({ generator: fallback([first, second]) })
    const dead = manualClock({ now: clock.now() })
    new SoraPipeline({ generator: fallback([first, second]), store, clock: dead, pollSchedule: () => 1000 }).run(
      AS_URLS,
      {
        id: 'run_1',
      },
    )
    await dead.advance(500)
    expect([first.startCount, second.startCount]).toEqual([1, 0])
    await clock.advance(60_000)
    await clock.runUntil(another().resume('run_1').result)
    expect([first.startCount, second.startCount]).toEqual([1, 1])
    for (const { calls } of [first, second]) {
      expect([bytesOf(calls[0]?.input.image), bytesOf(calls[0]?.input.audioInput)]).toEqual([IMAGE, CLIP])
    }
  })

  it('before an intent is saved: without it the run is refused with a clear error', async () => {
    const { clock, store, of, another, generator } = setUp()
    const dead = manualClock({ now: clock.now() })
    const hanging = { ...store, save: () => new Promise<number>(() => undefined) }
    new SoraPipeline({ generator: fakeTaskGenerator(), store: hanging, clock: dead }).run(AS_BYTES, { id: 'run_1' })
    await dead.advance(500)
    await store.dropMedia?.('run_1')
    await clock.advance(60_000)
    await expect(clock.runUntil(another().resume('run_1').result)).rejects.toMatchObject({
      code: 'run-state',
      message: 'Could not continue the run, the store no longer has its image: run_1',
      isRetryable: false,
    })
    for (const { given } of of('save')) expect(given[2]).toMatchObject({ submission: { state: 'ready' } })
    expect((generator as ReturnType<typeof fakeTaskGenerator>).startCount).toBe(0)
    expect((await store.load('run_1'))?.state).toMatchObject({ status: 'running', submission: { state: 'ready' } })
  })
})
