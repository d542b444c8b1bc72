import { describe, expect, test } from 'vitest'
import { NetworkError, type Publisher } from '../../../src/index.js'
import { fakePublisher, type PublisherSubject, publisherConformance } from '../../../src/testing/index.js'
import { failedCases } from './failed-cases.js'

const SECRET = 'canary-4711'

describe('a good publisher passes', () => {
  publisherConformance({
    test,
    create: () => {
      const publisher = fakePublisher({ progress: [{ ratio: 0.5 }, { ratio: 1 }] })
      return { publisher, requests: () => publisher.calls.length, secrets: [SECRET] }
    },
    createHanging: () => {
      const publisher = fakePublisher({ hangs: true })
      return { publisher, requests: () => publisher.calls.length }
    },
    createFailing: () => ({ publisher: fakePublisher({ outcome: new NetworkError('Could not publish: refused') }) }),
  })
})

test('a publisher that cannot unpublish passes', async () => {
  const { unpublish: _, ...publisher } = fakePublisher()
  expect(await failures({ publisher })).toEqual(new Map())
})

const good = fakePublisher()
let reads = 0
const broken: readonly (readonly [string, Partial<Publisher>, string])[] = [
  ['an empty name', { name: ' ' }, 'has a name that stays the same'],
  [
    'a name that changes',
    {
      get name() {
        reads += 1
        return `publisher-${reads}`
      },
    },
    'has a name that stays the same',
  ],
  ['an empty id', { publish: async () => ({ id: '' }) }, 'gives a well-formed result, also to a context without warn'],
  [
    'a relative url',
    { publish: async () => ({ id: 's_1', url: '/p/s_1' }) },
    'gives a well-formed result, also to a context without warn',
  ],
  [
    'a secret in the result',
    { publish: async () => ({ id: 's_1', url: `https://x.example/?key=${SECRET}` }) },
    'gives a well-formed result, also to a context without warn',
  ],
  [
    'a need for warn',
    {
      publish: async (_, context) => {
        if (!context.warn) throw new TypeError('warn is not a function')
        return { id: 's_1' }
      },
    },
    'gives a well-formed result, also to a context without warn',
  ],
  [
    'progress that goes back',
    {
      publish: async (_, context) => {
        for (const ratio of [0.5, 0.4]) context.report({ ratio })
        return { id: 's_1' }
      },
    },
    'reports progress from 0 to 1 that never decreases, and no secret',
  ],
  [
    'a secret in a report',
    {
      publish: async (_, context) => {
        context.report({ message: `Bearing ${SECRET}` })
        return { id: 's_1' }
      },
    },
    'reports progress from 0 to 1 that never decreases, and no secret',
  ],
  [
    'a deaf ear for an early abort',
    { publish: async () => ({ id: 's_1' }) },
    'an abort before the call rejects with the reason itself and sends nothing',
  ],
  [
    'its own error on abort',
    {
      publish: async (_, { signal }) => {
        await new Promise((resolve) => setImmediate(resolve))
        if (signal.aborted) throw new Error('Aborted')
        return { id: 's_1' }
      },
    },
    'an abort at any moment settles at once, and never with another error',
  ],
  [
    'an untyped error the second time that it unpublishes',
    {
      unpublish: (() => {
        const gone = new Set<string>()
        return async ({ id }: { id: string }) => {
          if (gone.has(id)) throw new TypeError('gone')
          gone.add(id)
        }
      })(),
    },
    'if it can unpublish, doing it twice succeeds or gives an error of the library',
  ],
  [
    'a deaf ear for an abort before it unpublishes',
    { unpublish: async () => {} },
    'if it can unpublish, an abort before that rejects with the reason itself and sends nothing',
  ],
  [
    'one post at a time',
    {
      publish: (() => {
        let isBusy = false
        return async () => {
          if (isBusy) throw new TypeError('busy')
          isBusy = true
          await new Promise((resolve) => setImmediate(resolve))
          isBusy = false
          return { id: 's_1' }
        }
      })(),
    },
    'publishes two videos at once',
  ],
]

test.each(broken)('a publisher with %s fails', async (_, fault, expected) => {
  const publisher = Object.create(good, Object.getOwnPropertyDescriptors(fault)) as Publisher
  expect([...(await failures({ publisher, secrets: [SECRET] })).keys()]).toContain(expected)
})

test('a publisher that sends in spite of an early abort fails', async () => {
  let requests = 0
  const publisher: Publisher = {
    name: 'eager',
    async publish(_, { signal }) {
      requests += 1
      signal.throwIfAborted()
      return { id: 's_1' }
    },
  }
  const failed = await failures({ publisher, requests: () => requests })
  expect([...failed.keys()]).toEqual(['an abort before the call rejects with the reason itself and sends nothing'])
})

test('a publisher that hangs in spite of an abort fails', async () => {
  const failed = await failedCases((collect) =>
    publisherConformance({
      test: collect,
      timeoutMs: 50,
      create: () => ({ publisher: good }),
      createHanging: () => ({ publisher: { name: 'deaf', publish: () => new Promise(() => {}) } }),
    }),
  )
  expect(failed.get('an abort while the upstream hangs rejects with the reason itself, soon')).toContain('within 50 ms')
})

test('a publisher that does not wait for its upstream fails', async () => {
  const failed = await failedCases((collect) =>
    publisherConformance({
      test: collect,
      create: () => ({ publisher: good }),
      createHanging: () => ({ publisher: good }),
    }),
  )
  expect(failed.size).toBe(1)
})

test.each([
  ['an untyped error', new TypeError('terminated')],
  ['a secret in its error', new NetworkError(`Could not publish with: ${SECRET}`)],
  ['no error', [{ id: 's_1' }]],
])('a publisher with %s of a failing upstream fails', async (_, outcome) => {
  const failed = await failedCases((collect) =>
    publisherConformance({
      test: collect,
      create: () => ({ publisher: good }),
      createFailing: () => ({ publisher: fakePublisher({ outcome }), secrets: [SECRET] }),
    }),
  )
  expect([...failed.keys()]).toEqual(['a failing upstream gives an error of the library without secrets'])
  expect(failed.values().next().value).not.toContain(SECRET)
})

test('a subject is disposed of after every case, also after a failed one', async () => {
  let created = 0
  let disposed = 0
  const create = () => {
    created += 1
    return {
      publisher: { ...fakePublisher(), name: '' },
      dispose: () => {
        disposed += 1
      },
    }
  }
  const failed = await failedCases((collect) => publisherConformance({ test: collect, create }))
  expect(failed.size).toBe(1)
  expect(created).toBeGreaterThan(5)
  expect(disposed).toBe(created)
})

function failures(subject: PublisherSubject) {
  return failedCases((collect) => publisherConformance({ test: collect, timeoutMs: 200, create: () => subject }))
}
