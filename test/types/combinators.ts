import {
  fallback,
  type Generator,
  type OneShotGenerator,
  type Publisher,
  type Resolver,
  type TaskGenerator,
  type Uploader,
  withRetry,
  withTimeout,
} from '../../src/index.js'
import { fakeGenerator, fakePublisher, fakeResolver, fakeTaskGenerator, fakeUploader } from '../../src/testing/index.js'

// A chain is a strategy of its stage.
export const oneShot: OneShotGenerator = fallback(fakeGenerator(), fakeGenerator())
export const task: TaskGenerator = fallback(fakeTaskGenerator(), fakeTaskGenerator())
export const mixedKinds: Generator = fallback(fakeGenerator(), fakeTaskGenerator())
export const publisher: Publisher = fallback(fakePublisher(), fakePublisher())
export const resolver: Resolver = fallback(fakeResolver())
export const uploader: Uploader = fallback(fakeUploader(), fakeUploader(), fakeUploader())
export const literals: Uploader = fallback(
  { name: 'a', upload: async () => ({ url: 'https://cdn.example/a.mp4' }) },
  { name: 'b', upload: async () => ({ url: 'https://cdn.example/b.mp4' }) },
)

// Combinators nest.
export const nested: Uploader = fallback(
  withTimeout(withRetry(fakeUploader(), { retries: 3 }), { timeoutMs: 60_000 }),
  fallback(fakeUploader(), withTimeout(fakeUploader(), { timeoutMs: 1_000 })),
)

// @ts-expect-error a chain of generators with a task among them cannot be called in one shot
export const notOneShot: OneShotGenerator = fallback(fakeGenerator(), fakeTaskGenerator())

// @ts-expect-error an empty chain
export const empty = fallback()

// @ts-expect-error stages do not mix
export const mixed = fallback(fakeUploader(), fakeResolver())

// @ts-expect-error stages do not mix in any order
export const mixedLate = fallback(fakePublisher(), fakePublisher(), fakeGenerator())

// @ts-expect-error a string is no strategy
export const named = fallback('drive')

// @ts-expect-error a chain of uploaders is no resolver
export const otherStage: Resolver = fallback(fakeUploader())

// @ts-expect-error the limit has its unit in its name
export const unitless = withTimeout(fakeUploader(), { timeout: 1_000 })

// @ts-expect-error a limit is needed
export const limitless = withTimeout(fakeUploader())
