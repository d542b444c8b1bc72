import {
  balance,
  fallback,
  type Generator,
  type OneShotGenerator,
  type Publisher,
  type Resolver,
  race,
  type TaskGenerator,
  type Uploader,
  withCircuitBreaker,
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
  withTimeout(withRetry(fakeUploader(), { maxAttempts: 4 }), { timeoutMs: 60_000 }),
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

// @ts-expect-error a string is not a strategy
export const named = fallback('drive')

// @ts-expect-error a chain of uploaders is not a resolver
export const otherStage: Resolver = fallback(fakeUploader())

// @ts-expect-error the limit has its unit in its name
export const unitless = withTimeout(fakeUploader(), { timeout: 1_000 })

// @ts-expect-error a limit is needed
export const limitless = withTimeout(fakeUploader())

// A race is a strategy of its stage, and so are the others.
export const racedPublisher: Publisher = race([fakePublisher(), fakePublisher()])
export const racedResolver: Resolver = race([fakeResolver(), fakeResolver()], { staggerMs: 500 })
export const racedUploader: Uploader = race([fakeUploader()])
export const spreadOneShot: OneShotGenerator = balance([fakeGenerator(), fakeGenerator()], { concurrency: 2 })
export const spreadTask: TaskGenerator = balance([fakeTaskGenerator(), fakeGenerator()], { concurrency: [1, 2] })
export const spreadPublisher: Publisher = balance([fakePublisher(), fakePublisher()])
export const spreadResolver: Resolver = balance([fakeResolver()])
export const spreadUploader: Uploader = balance([fakeUploader(), race([fakeUploader(), fakeUploader()])])
export const guardedOneShot: OneShotGenerator = withCircuitBreaker(fakeGenerator())
export const guardedTask: TaskGenerator = withCircuitBreaker(balance([fakeTaskGenerator()]), { failures: 3 })
export const guardedPublisher: Publisher = withCircuitBreaker(fakePublisher())
export const guardedResolver: Resolver = fallback(
  withCircuitBreaker(withTimeout(fakeResolver(), { timeoutMs: 5_000 }), { resetAfterMs: 60_000 }),
  fakeResolver(),
)
export const guardedUploader: Uploader = withCircuitBreaker(fakeUploader(), { countsAsFailure: () => true })

// @ts-expect-error a race of generators would pay twice
export const racedGenerator = race([fakeGenerator(), fakeGenerator()])

// @ts-expect-error a race of tasks would pay twice
export const racedTask = race([fakeTaskGenerator(), fakeTaskGenerator()])

// @ts-expect-error a generator hidden in a race
export const racedMixed = race([fakeUploader(), fakeGenerator()])

// @ts-expect-error an empty race
export const racedNothing = race([])

export const racedLoose: Uploader = race(fakeUploader(), fakeUploader())
export const balancedLoose: OneShotGenerator = balance(fakeGenerator(), fakeGenerator())

// @ts-expect-error the stagger has its unit in its name
export const racedUnitless = race([fakeUploader()], { stagger: 250 })

// @ts-expect-error stages do not mix
export const spreadMixed = balance([fakeUploader(), fakeResolver()])

// @ts-expect-error an empty balance
export const spreadNothing = balance([])

// @ts-expect-error a limit is a number
export const spreadText = balance([fakeUploader()], { concurrency: '2' })

// @ts-expect-error with a task among them it cannot be called in one shot
export const spreadNotOneShot: OneShotGenerator = balance([fakeGenerator(), fakeTaskGenerator()])

// @ts-expect-error a breaker guards one strategy
export const guardedTwo = withCircuitBreaker(fakeUploader(), fakeUploader())
