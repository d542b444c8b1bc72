import { fallback, type Resolver, race, withTimeout } from 'sora-pipeline'
import { fakeContext } from 'sora-pipeline/testing'
import { type CallCount, costOfCalls } from './cost-of-calls.ts'
import { pipelineClock } from './pipeline-clock.ts'

/** A call of each combinator over resolvers of one line. */
export async function measure(count: CallCount) {
  const works = (name: string): Resolver => ({ name, resolve: async () => ({ url: 'https://cdn.example/a.mp4' }) })
  const error = new Error('bench')
  const fails: Resolver = {
    name: 'fails',
    resolve: async () => {
      throw error
    },
  }
  const input = { video: { id: 'gen_1', url: 'https://cdn.example/a.mp4' } }
  const context = { ...fakeContext({ clock: await pipelineClock() }), report: () => undefined }
  const call = (resolver: Resolver) => () => resolver.resolve(input, context)
  return costOfCalls(
    {
      'no combinator': call(works('a')),
      fallback: call(fallback(works('a'), works('b'))),
      race: call(race(works('a'), works('b'))),
      withTimeout: call(withTimeout(works('a'), { timeoutMs: 10_000 })),
      'fallback whose first fails': call(fallback(fails, works('b'))),
    },
    count,
  )
}
