import { describe, expect, it } from 'vitest'
import { fallback, memoryStore, type RunStore, SoraPipeline, type VideoRequest } from '../../src/index.js'
import { fingerprintOf } from '../../src/pipeline/state/request-fingerprint.js'
import { videoModelGenerator, videosApiGenerator } from '../../src/strategies/index.js'
import { fakeGenerator, fakeTaskGenerator, manualClock } from '../../src/testing/index.js'

const bytes = (text: string, mediaType = 'image/png') => ({ bytes: Buffer.from(text), mediaType })
const dataUrl = (text: string, mediaType = 'image/png') =>
  `data:${mediaType};base64,${Buffer.from(text).toString('base64')}`
const ADDRESS = 'https://cdn.example/c.png'

const AS_BYTES: VideoRequest = {
  prompt: 'A cat',
  image: bytes('first'),
  lastFrame: bytes('last'),
  references: [bytes('a'), bytes('b'), ADDRESS],
  audioInput: bytes('sound', 'audio/mpeg'),
}
const AS_URLS: VideoRequest = {
  prompt: 'A cat',
  image: dataUrl('first'),
  lastFrame: dataUrl('last'),
  references: [dataUrl('a'), dataUrl('b'), ADDRESS],
  audioInput: dataUrl('sound', 'audio/mpeg'),
}

// A generator receives bytes or a data URL; both mean the same.
function textOf(media: VideoRequest['image']): string | undefined {
  if (media === undefined || media === ADDRESS) return media as string | undefined
  return (
    typeof media === 'string' ? Buffer.from(media.split(',')[1] ?? '', 'base64') : Buffer.from(media.bytes)
  ).toString()
}

function textsOf({ image, lastFrame, references = [], audioInput }: VideoRequest) {
  return [image, lastFrame, ...references, audioInput].map(textOf)
}

const TEXTS = ['first', 'last', 'a', 'b', ADDRESS, 'sound']

function recorded() {
  const clock = manualClock()
  const store = memoryStore({ clock })
  const kept: string[] = []
  const created: unknown[] = []
  const wrapped: RunStore = {
    ...store,
    putMedia: async (id, sha256, media) => {
      kept.push(Buffer.from(media).toString())
      await store.putMedia?.(id, sha256, media)
    },
    create: async (id, state) => {
      created.push(structuredClone(state))
      return store.create(id, state)
    },
  }
  return { clock, store: wrapped, kept, created }
}

describe('a last frame, references and a sound', () => {
  it.each([
    ['bytes', AS_BYTES],
    ['data URLs', AS_URLS],
  ])('given as %s are kept beside the state, and reach the generator of another process', async (_, request) => {
    const { clock, store, kept, created } = recorded()
    const generator = fakeTaskGenerator({ polls: 2 })
    const dead = manualClock({ now: clock.now() })
    const hanging: RunStore = { ...store, save: () => new Promise<number>(() => undefined) }
    new SoraPipeline({ generator, store: hanging, clock: dead }).run(request, { id: 'run_1' })
    await dead.advance(500)
    expect(kept).toEqual(['first', 'last', 'sound', 'a', 'b'])
    expect(JSON.stringify(created)).not.toContain(Buffer.from('last').toString('base64'))
    expect(generator.calls).toEqual([])
    await clock.advance(60_000)
    await clock.runUntil(new SoraPipeline({ generator, store, clock }).resume('run_1').result)
    expect(textsOf(generator.calls[0]?.input as VideoRequest)).toEqual(TEXTS)
  })

  it('have one fingerprint in both forms, which depends on their order', () => {
    expect(fingerprintOf(AS_BYTES)).toBe(fingerprintOf(AS_URLS))
    const swapped = [bytes('b'), bytes('a'), ADDRESS]
    expect(fingerprintOf({ ...AS_BYTES, references: swapped })).not.toBe(fingerprintOf(AS_BYTES))
    const { lastFrame: _, ...without } = AS_BYTES
    expect(fingerprintOf(without)).not.toBe(fingerprintOf(AS_BYTES))
  })

  it('stay in the state of a store that keeps no media', async () => {
    const { putMedia: _put, getMedia: _get, dropMedia: _drop, ...plain } = memoryStore()
    const generator = fakeGenerator()
    const pipeline = new SoraPipeline({ generator, store: plain })
    await pipeline.generate(AS_BYTES, { id: 'run_1' })
    expect((await plain.load('run_1'))?.state).toMatchObject({ request: AS_URLS })
    expect(textsOf(generator.calls[0]?.input as VideoRequest)).toEqual(TEXTS)
  })

  it('have to be given again for a retry after their run has ended, all or the one that is named', async () => {
    const pipeline = new SoraPipeline({ generator: fakeGenerator() })
    const request = { prompt: 'A cat', references: [bytes('a')] }
    await pipeline.generate(request, { id: 'run_1' })
    await expect(pipeline.retry('run_1')).rejects.toMatchObject({
      code: 'request-invalid',
      problems: [{ field: 'references[0]', fix: 'give it again' }],
    })
    await (await pipeline.retry('run_1', { references: [ADDRESS] })).result
  })

  it.each<[string, Partial<VideoRequest>]>([
    ['lastFrame', { lastFrame: 'cat.png' }],
    ['references', { references: [] }],
    ['references', { references: ADDRESS as never }],
    ['references[1]', { references: [ADDRESS, 'cat.png'] }],
    ['references[0].name', { references: [{ ...bytes('a'), name: 'x' } as never] }],
    ['audioInput', { audioInput: dataUrl('a', 'image/png') }],
  ])('are refused before anything is saved: %s', async (field, wrong) => {
    const generator = fakeGenerator()
    const made = new SoraPipeline({ generator }).generate({ prompt: 'A cat', ...wrong })
    await expect(made).rejects.toMatchObject({
      code: 'request-invalid',
      problems: [expect.objectContaining({ field })],
    })
    expect(generator.calls).toEqual([])
  })

  it('lead to the next generator, without a request, where the first one cannot take them', async () => {
    let sent = 0
    const first = videosApiGenerator({
      baseUrl: 'https://api.example/v1',
      fetch: async () => {
        sent += 1
        return new Response()
      },
    })
    const second = videoModelGenerator({
      ...{ specificationVersion: 'v4', provider: 'mine', modelId: 'one' },
      doStart: async ({ frameImages }) => ({ operation: { id: String(frameImages?.length) } }),
      doStatus: async () => ({
        status: 'completed',
        videos: [{ type: 'url', url: 'https://cdn.example/a.mp4', mediaType: 'video/mp4' }],
      }),
    })
    const pipeline = new SoraPipeline({ generator: fallback(first, second), pollSchedule: () => 1 })
    const { video } = await pipeline.generate({ prompt: 'A cat', lastFrame: ADDRESS })
    expect([sent, video.id]).toEqual([0, '1'])
  })
})
