import { expect, it } from 'vitest'
import {
  fallback,
  GenerationFailedError,
  type Generator,
  memoryStore,
  RateLimitError,
  SoraPipeline,
  withRetry,
  withTimeout,
} from '../../src/index.js'
import { fakeTaskGenerator } from '../../src/testing/index.js'

const failed = { state: 'failed', error: new GenerationFailedError('Could not generate the video: it broke') } as const

/** Generators whose jobs fail; `b` fails when it is told to. */
function generators() {
  const calls: string[] = []
  let isOver = false
  const named = (name: string, status: () => object): Generator => {
    const fake = fakeTaskGenerator({ name })
    return {
      name,
      start: async (request, context) => {
        calls.push(name)
        return 'start' in fake ? fake.start(request, context) : Promise.reject(new Error('none'))
      },
      poll: async () => status() as never,
    }
  }
  const a = named('a', () => failed)
  const b = named('b', () => (isOver ? failed : { state: 'running' }))
  const c = named('c', () => failed)
  return {
    a,
    b,
    c,
    calls,
    end: () => {
      isOver = true
    },
  }
}

it.each<[string, (parts: ReturnType<typeof generators>) => Generator, readonly string[]]>([
  ['in the same order', ({ a, b }) => fallback([a, b]), ['a', 'b']],
  ['in the other order', ({ a, b }) => fallback([b, a]), ['a', 'b']],
  ['in another form', ({ a, b }) => fallback([b, withTimeout(a, { timeoutMs: 60_000 })]), ['a', 'b']],
  ['with a new generator at the end', ({ a, b, c }) => fallback([b, a, c]), ['a', 'b', 'c']],
])(
  'a generator whose paid job failed is not paid again by the next deploy, with the chain %s',
  async (_, chain, paid) => {
    const parts = generators()
    const { a, b, calls, end } = parts
    const store = memoryStore()
    const first = new SoraPipeline({ generator: fallback([a, b]), store, pollSchedule: () => 5 })
    first.run({ prompt: 'A cat' }, { id: 'run_1' }).result.catch(() => undefined)
    await expect.poll(() => calls).toEqual(['a', 'b'])
    await first.close({ graceMs: 1000 })
    end()
    const second = new SoraPipeline({ generator: chain(parts), store, pollSchedule: () => 5 })
    await expect(second.resume('run_1').result).rejects.toMatchObject({ code: 'all-strategies-failed' })
    expect(calls).toEqual(paid)
  },
)

it('a chain that is retried as a whole pays each of its generators again', async () => {
  const { a, c, calls } = generators()
  const retried = withRetry(fallback([a, c]), { maxAttempts: 2, minDelayMs: 1, shouldRetry: () => true })
  const pipeline = new SoraPipeline({ generator: retried, pollSchedule: () => 5 })
  await expect(pipeline.generate({ prompt: 'A cat' })).rejects.toMatchObject({ code: 'all-strategies-failed' })
  expect(calls).toEqual(['a', 'c', 'a', 'c'])
})

it.each<[string, (parts: ReturnType<typeof generators>) => Generator, readonly string[]]>([
  ['alone', ({ a }) => a, ['a']],
  ['beside a new one', ({ a, c }) => fallback([a, c]), ['a', 'c']],
])(
  'a generator whose paid job failed is not paid again when the next one is gone, and it is %s',
  async (_, chain, paid) => {
    const parts = generators()
    const { a, calls } = parts
    const store = memoryStore()
    const busy: Generator = {
      name: 'busy',
      generate: () => Promise.reject(new RateLimitError('Could not submit the video: busy')),
    }
    const waiting = withRetry(busy, { maxAttempts: 3, minDelayMs: 2000, maxDelayMs: 2000 })
    const first = new SoraPipeline({ generator: fallback([a, waiting]), store, pollSchedule: () => 5 })
    first.run({ prompt: 'A cat' }, { id: 'run_1' }).result.catch(() => undefined)
    await expect.poll(async () => (await first.inspect('run_1'))?.attempts?.length).toBe(2)
    await first.close({ graceMs: 1000 })
    const second = new SoraPipeline({ generator: chain(parts), store, pollSchedule: () => 5 })
    await expect(second.resume('run_1').result).rejects.toMatchObject({ code: 'all-strategies-failed' })
    expect(calls).toEqual(paid)
  },
)
