import { test, vi } from 'vitest'
import type {
  GeneratedVideo,
  Generator,
  JsonValue,
  OneShotGenerator,
  Publication,
  Publisher,
  ResolvedVideo,
  Resolver,
  RunStore,
  TaskGenerator,
  UploadedVideo,
  Uploader,
  VideoSource,
} from '../../src/index.js'
import {
  type ConformanceTest,
  fakeContext,
  fakeGenerator,
  fakePublisher,
  fakeResolver,
  fakeSource,
  fakeTaskGenerator,
  fakeUploader,
  type ManualClock,
  manualClock,
} from '../../src/testing/index.js'

// A mock of each stage is one line, as a literal.
const url = 'https://cdn.example/a.mp4'
export const generator: Generator = { name: 'mock', generate: async () => ({ id: 'gen_1', url }) }
export const publisher: Publisher = { name: 'mock', publish: async () => ({ id: 's_1' }) }
export const resolver: Resolver = { name: 'mock', resolve: async () => ({ url }) }
export const uploader: Uploader = { name: 'mock', upload: async () => ({ url }) }

// As a holder of mocks of the runner.
export const mockedGenerator: Generator = { name: 'mock', generate: vi.fn(async () => ({ id: 'gen_1', url })) }
export const mockedPublisher: Publisher = { name: 'mock', publish: vi.fn().mockResolvedValue({ id: 's_1' }) }
export const mockedResolver: Resolver = { name: 'mock', resolve: vi.fn().mockResolvedValue({ url }) }
export const mockedUploader: Uploader = { name: 'mock', upload: vi.fn().mockResolvedValue({ url }) }

// As a class.
export class MyUploader implements Uploader {
  readonly name = 'mine'
  async upload(source: VideoSource): Promise<UploadedVideo> {
    return { url: source.url ?? url }
  }
}

// As a fake.
export const fakes: readonly [OneShotGenerator, TaskGenerator, Publisher, Resolver, Uploader, VideoSource] = [
  fakeGenerator(),
  fakeTaskGenerator({ polls: Number.POSITIVE_INFINITY }),
  fakePublisher({ outcome: [new Error('refused'), { id: 's_1' }] }),
  fakeResolver({ outcome: ({ publication }) => ({ url: `https://cdn.example/${publication?.id}.mp4` }) }),
  fakeUploader({ hangs: true }),
  fakeSource(),
]
export const clock: ManualClock = fakeContext().clock
export const ownClock: ManualClock = fakeContext({ clock: manualClock({ now: 0 }) }).clock
export const result: Promise<GeneratedVideo> = fakeGenerator().generate({ prompt: 'A cat' }, fakeContext())

// A task generator with a narrower operation is a generator.
const narrow: TaskGenerator<{ readonly id: string }> = {
  name: 'narrow',
  start: async () => ({ operation: { id: 'task_1' } }),
  poll: async ({ id }) => ({ state: 'completed', video: { id, url } }),
}
export const wide: Generator = narrow
export const operations: TaskGenerator<JsonValue> = narrow

// The `test` of the runner goes into the suites unchanged.
export const runner: ConformanceTest = test

// @ts-expect-error a video needs a url or a source
export const nowhere: GeneratedVideo = { id: 'gen_1' }

// @ts-expect-error a publication needs an id
export const nameless: Publication = {}

// @ts-expect-error a resolved video needs a url
export const unresolved: ResolvedVideo = { mediaType: 'video/mp4' }

// @ts-expect-error a source declares whether it is public
export const unsaid: VideoSource = { open: fakeSource().open }

// @ts-expect-error a strategy has a name
export const anonymous: Uploader = { upload: async () => ({ url }) }

// @ts-expect-error the outcome of an uploader has a url
export const wrongOutcome = fakeUploader({ outcome: { id: 's_1' } })

// @ts-expect-error a state records when it is to be woken
export const unwaking: Parameters<RunStore['create']>[1] = { status: 'running' }
