import type { Generator, Publisher, Resolver, RunStore, SoraPipeline, Uploader } from 'sora-pipeline'
import type { Provider } from './provider.ts'
import type { Random } from './random.ts'
import type { Worker } from './worker.ts'

const LEASE_MS = 10_000

/** The chains of generators that a process may have. */
export const CHAINS = [
  'fallback(a, b)',
  'fallback(b, a)',
  'a',
  'withRetry(b)',
  'balance([a, b])',
  'fallback(withRetry(b), balance([a]))',
] as const

export type Chain = (typeof CHAINS)[number]

/** What a worker has a pipeline of. */
export interface Setup {
  readonly chain: Chain
  readonly store: RunStore
  readonly providers: readonly [Provider, Provider]
  readonly random: Random
  readonly trace: (line: string) => void
  readonly generateMs: number
}

export function pipelineOf(worker: Worker, setup: Setup): SoraPipeline {
  const { store, random, trace, generateMs } = setup
  const maybe = <T>(value: T) =>
    worker.outside(async () => {
      if (random.chance(0.3)) throw new Error('out of order')
      return value
    })
  const publisher: Publisher = { name: 'feed', publish: () => maybe({ id: 'post_1' }) }
  const resolver: Resolver = { name: 'mirror', resolve: () => maybe({ url: 'https://mirror.example/a.mp4' }) }
  const uploader: Uploader = { name: 'drive', upload: () => maybe({ url: 'https://drive.example/a.mp4' }) }
  return new worker.library.SoraPipeline({
    generator: chainOf(worker, setup),
    publisher,
    resolver,
    uploader,
    clock: worker.clock,
    leaseMs: LEASE_MS,
    deadlines: { generateMs, totalMs: Number.POSITIVE_INFINITY },
    store: storeOf(worker, store, trace),
  })
}

function chainOf(worker: Worker, { chain, providers, random }: Setup): Generator {
  const { balance, fallback, withRetry } = worker.library
  const [first, second] = providers
  const a = withRetry(first.generator(worker), { random: random.next })
  const b = withRetry(second.generator(worker), { maxAttempts: 9, random: random.next })
  switch (chain) {
    case 'fallback(a, b)':
      return fallback(a, b)
    case 'fallback(b, a)':
      return fallback(b, a)
    case 'a':
      return first.generator(worker)
    case 'withRetry(b)':
      return b
    case 'balance([a, b])':
      return balance([a, b])
    default:
      return fallback(b, balance([first.generator(worker)]))
  }
}

/** The store as a worker reaches it: every operation may be the last thing that it does. */
function storeOf(worker: Worker, store: RunStore, trace: (line: string) => void): RunStore {
  const reached = Object.entries(store).map(([method, operation]) => [
    method,
    (...given: unknown[]) =>
      worker.stored(() => {
        if (method === 'save') {
          const [id, version, { status, step, worker: holder, submission, error }] = given as Parameters<
            RunStore['save']
          >
          trace(`${id} v${version} ${status} ${step} ${JSON.stringify({ holder, submission, error })}`)
        }
        return (operation as (...given: unknown[]) => Promise<unknown>)(...given)
      }),
  ])
  return Object.fromEntries(reached) as RunStore
}
