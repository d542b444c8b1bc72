import { expect, test, vi } from 'vitest'
import { NetworkError } from '../../src/index.js'
import {
  fakeContext,
  fakeGenerator,
  fakePublisher,
  fakeResolver,
  fakeSource,
  fakeUploader,
  manualClock,
} from '../../src/testing/index.js'

const REQUEST = { prompt: 'A cat playing piano' }
const VIDEO = { id: 'gen_1', url: 'https://videos.openai.com/az/files/00000000-82cc-7285-bf93-f29e2b5d9ab8/raw' }

test('without options they give the shapes of the seed', async () => {
  const context = fakeContext()
  const publication = await fakePublisher().publish(VIDEO, context)
  expect(await fakeGenerator().generate(REQUEST, context)).toEqual(VIDEO)
  expect(publication).toEqual({ id: 's_694fb875ab6881919a4d70e090a87522' })
  const resolved = await fakeResolver().resolve({ video: VIDEO, publication }, context)
  expect(resolved).toEqual({ url: 'https://oscdn2.dyysy.com/MP4/s_694fb875ab6881919a4d70e090a87522.mp4' })
  const uploader = fakeUploader()
  expect(await uploader.upload(fakeSource(), context)).toEqual({ url: 'https://drive.google.com/file/d/xxx/view' })
  expect(uploader.label).toBe('Google Drive')
})

test('they have names that can be chosen', () => {
  const fakes = [fakeGenerator, fakePublisher, fakeResolver, fakeUploader]
  expect(fakes.map((fake) => fake().name)).toEqual([
    'fake-generator',
    'fake-publisher',
    'fake-resolver',
    'fake-uploader',
  ])
  expect(fakes.map((fake) => fake({ name: 'a', label: 'A' }))).toMatchObject(
    fakes.map(() => ({ name: 'a', label: 'A' })),
  )
})

test('they remember their calls', async () => {
  const generator = fakeGenerator()
  const context = fakeContext({ runId: 'run_7', idempotencyKey: 'key_7', clock: manualClock({ now: 5 }) })
  await generator.generate(REQUEST, context)
  const { idempotencyKey: _, ...withoutKey } = context
  await generator.generate(REQUEST, withoutKey)
  expect(generator.calls).toEqual([
    { input: REQUEST, runId: 'run_7', idempotencyKey: 'key_7', at: 5 },
    { input: REQUEST, runId: 'run_7', at: 5 },
  ])
})

test('a list of outcomes is played call by call, the last one again and again', async () => {
  const failure = new NetworkError('Could not upload: refused')
  const uploader = fakeUploader({ outcome: [failure, { url: 'https://a.example/1' }, { url: 'https://a.example/2' }] })
  const upload = () => uploader.upload(fakeSource(), fakeContext())
  await expect(upload()).rejects.toBe(failure)
  expect([await upload(), await upload(), await upload()].map(({ url }) => url.at(-1))).toEqual(['1', '2', '2'])
})

test('an empty list of outcomes is refused', async () => {
  const call = fakeUploader({ outcome: [] }).upload(fakeSource(), fakeContext())
  await expect(call).rejects.toThrow('Could not play an outcome: the list is empty')
})

test('an error is thrown on every call, and a function is called on every call', async () => {
  const failure = new NetworkError('Could not resolve: refused')
  const resolver = fakeResolver({ outcome: failure })
  for (const _ of [1, 2]) await expect(resolver.resolve({ video: VIDEO }, fakeContext())).rejects.toBe(failure)
  const publisher = fakePublisher({ outcome: (video, call) => ({ id: `${video.id}_${call}` }) })
  const publish = async () => (await publisher.publish(VIDEO, fakeContext())).id
  expect([await publish(), await publish()]).toEqual(['gen_1_0', 'gen_1_1'])
})

test('they wait on the clock of the context, after their progress', async () => {
  const context = fakeContext()
  const settled = vi.fn()
  const generator = fakeGenerator({ delayMs: 100, progress: [{ phase: 'queued' }, { ratio: 0.5 }] })
  generator.generate(REQUEST, context).then(settled)
  await context.clock.advance(99)
  expect(context.progress).toEqual([{ phase: 'queued' }, { ratio: 0.5 }])
  expect(settled).not.toHaveBeenCalled()
  await context.clock.advance(1)
  expect(settled).toHaveBeenCalledWith(VIDEO)
})

test('a fake that hangs settles only by an abort, with the reason itself', async () => {
  const controller = new AbortController()
  const context = fakeContext({ signal: controller.signal })
  const settled = vi.fn()
  const upload = fakeUploader({ hangs: true }).upload(fakeSource(), context)
  upload.then(settled, settled)
  await context.clock.advance(1e9)
  expect(settled).not.toHaveBeenCalled()
  controller.abort('enough')
  await expect(upload).rejects.toBe('enough')
})

test('a call whose signal was aborted before is not counted', async () => {
  const context = fakeContext({ signal: AbortSignal.abort('early') })
  const publisher = fakePublisher()
  await expect(publisher.publish(VIDEO, context)).rejects.toBe('early')
  await expect(publisher.unpublish({ id: 's_1' }, context)).rejects.toBe('early')
  expect([publisher.calls, publisher.unpublished]).toEqual([[], []])
})

test('a publisher remembers what it took back', async () => {
  const publisher = fakePublisher()
  await publisher.unpublish({ id: 's_1' }, fakeContext())
  expect(publisher.unpublished).toEqual([{ id: 's_1' }])
})

test('a context has defaults, and remembers warnings', () => {
  const context = fakeContext()
  context.warn?.({ code: 'unsupported-option', message: 'seed was left out' })
  expect(context).toMatchObject({ runId: 'run_1', idempotencyKey: 'key_1', submittedAt: context.clock.now() })
  expect(context.signal.aborted).toBe(false)
  expect(context.warnings).toEqual([{ code: 'unsupported-option', message: 'seed was left out' }])
  expect(fakeContext({ submittedAt: 3 }).submittedAt).toBe(3)
})
