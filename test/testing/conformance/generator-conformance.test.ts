import { describe, expect, test } from 'vitest'
import {
  type GeneratedVideo,
  GenerationFailedError,
  type JsonValue,
  NetworkError,
  type TaskGenerator,
  type TaskStatus,
} from '../../../src/index.js'
import {
  fakeGenerator,
  fakeSource,
  fakeTaskGenerator,
  type GeneratorSubject,
  generatorConformance,
} from '../../../src/testing/index.js'
import { failedCases } from './failed-cases.js'

const SECRET = 'canary-4711'
const VIDEO = { id: 'gen_1', url: 'https://cdn.example/a.mp4' }
const REFUSED = new NetworkError('Could not generate: refused')

describe('a good one-shot generator passes', () => {
  generatorConformance({
    test,
    create: () => {
      const generator = fakeGenerator({ progress: [{ ratio: 0 }, { ratio: 1 }] })
      return { generator, requests: () => generator.calls.length }
    },
    createHanging: () => ({ generator: fakeGenerator({ hangs: true }) }),
    createFailing: () => ({ generator: fakeGenerator({ outcome: REFUSED }) }),
  })
})

describe('a good task generator passes', () => {
  generatorConformance({
    test,
    create: () => {
      const generator = fakeTaskGenerator({
        polls: 3,
        submission: { idempotency: 'none', lookup: 'fingerprint' },
        found: [{ id: 'task_1' }],
        pollMany: true,
      })
      const requests = () =>
        generator.startCount + generator.pollCount + generator.pollManyCount + generator.cancelCount
      return { generator, requests, request: { prompt: 'A dog' }, secrets: [SECRET] }
    },
    createHanging: () => ({ generator: fakeTaskGenerator({ hangs: 'poll' }) }),
    createFailing: () => ({
      generator: fakeTaskGenerator({
        polls: [{ state: 'failed', error: new GenerationFailedError('Could not generate: server_error') }],
      }),
    }),
  })
})

describe('a good task generator with bytes behind a key passes', () => {
  generatorConformance({
    test,
    create: () => ({
      generator: fakeTaskGenerator({ video: { id: 'gen_1', source: fakeSource({ byteLength: 9_001 }) } }),
    }),
  })
})

describe('a good task generator that passes on the address to call back passes', () => {
  generatorConformance({
    test,
    create: () => {
      let received: string | undefined
      const fake = fakeTaskGenerator({ submission: { idempotency: 'none', lookup: 'none', callback: true } })
      const generator: TaskGenerator = {
        ...fake,
        start(request, context) {
          received = context.callbackUrl
          return fake.start(request, context)
        },
      }
      return { generator, receivedCallbackUrl: () => received }
    },
  })
})

describe('a task generator that ends at once, knows its keys and cannot cancel passes', () => {
  generatorConformance({
    test,
    create: () => {
      const generator: TaskGenerator<string> = {
        name: 'plain',
        submission: { idempotency: 'key', lookup: 'none' },
        async start(_, { signal, idempotencyKey }) {
          signal.throwIfAborted()
          return { operation: idempotencyKey, status: { state: 'completed', video: VIDEO } }
        },
        async poll(_, { signal }) {
          signal.throwIfAborted()
          return { state: 'completed', video: VIDEO }
        },
      }
      return { generator }
    },
  })
})

const WELL_FORMED = 'gives a well-formed result, also to a context without warn'
const SOURCE = 'if the video has a source, it opens again and at an offset, and ends at its length'

const brokenVideos: readonly (readonly [string, () => GeneratedVideo, string])[] = [
  ['without an id', () => ({ ...VIDEO, id: '' }), WELL_FORMED],
  ['without an address', () => ({ id: 'gen_1' }) as GeneratedVideo, WELL_FORMED],
  ['with a data address', () => ({ id: 'gen_1', url: 'data:video/mp4;base64,AAAA' }), WELL_FORMED],
  [
    'with a secret in its address',
    () => ({ id: 'gen_1', url: `https://cdn.example/a.mp4?key=${SECRET}` }),
    WELL_FORMED,
  ],
  [
    'with the address of a private source',
    () => ({ ...VIDEO, source: fakeSource({ url: VIDEO.url, isPublic: false }) }),
    WELL_FORMED,
  ],
  ['without bytes', () => ({ id: 'gen_1', source: fakeSource({ byteLength: 0 }) }), SOURCE],
  ['with a wrong length', () => ({ id: 'gen_1', source: fakeSource({ declaredByteLength: 5 }) }), SOURCE],
  [
    'that always opens at its beginning',
    () => {
      const source = fakeSource()
      return { id: 'gen_1', source: { ...source, open: ({ signal } = {}) => source.open({ signal }) } }
    },
    SOURCE,
  ],
  [
    'that opens in spite of an abort',
    () => {
      const source = fakeSource()
      return { id: 'gen_1', source: { ...source, open: ({ offset } = {}) => source.open({ offset }) } }
    },
    SOURCE,
  ],
]

test.each(brokenVideos)('a generator that gives a video %s fails', async (_, video, expected) => {
  const oneShot = await failures(() => ({ generator: fakeGenerator({ outcome: video }), secrets: [SECRET] }))
  const task = await failures(() => ({ generator: fakeTaskGenerator({ video }), secrets: [SECRET] }))
  expect(oneShot).toContain(expected)
  expect(task).toContain(expected)
})

const PREFIX = 'if it is a task: '
const POLLS_MANY = `${PREFIX}if it can poll many, it answers for each job in order`
type Fault = (good: TaskGenerator) => Partial<TaskGenerator>

const brokenTasks: readonly (readonly [string, Fault, string])[] = [
  [
    'has an operation that is not JSON',
    () => ({ start: async () => ({ operation: { at: new Date(0) } as unknown as JsonValue }) }),
    `${PREFIX}its operation is JSON without secrets`,
  ],
  [
    'has a secret in its operation',
    () => ({ start: async () => ({ operation: { id: 'task_1', apiKey: SECRET } }) }),
    `${PREFIX}its operation is JSON without secrets`,
  ],
  [
    'knows only the very operation that it gave',
    (good) => {
      const given = new Set<unknown>()
      return {
        start: async (request, context) => {
          const started = await good.start(request, context)
          given.add(started.operation)
          return started
        },
        poll: async (operation, context) => {
          if (!given.has(operation)) throw new TypeError('unknown operation')
          return good.poll(operation, context)
        },
      }
    },
    `${PREFIX}it continues from an operation that was converted to JSON and back`,
  ],
  [
    'forgets a job that ended',
    (good) => {
      let isOver = false
      return {
        poll: async (operation, context) => {
          if (isOver) throw new NetworkError('Could not poll: 404')
          const status = await good.poll(operation, context)
          isOver = status.state === 'completed'
          return status
        },
      }
    },
    `${PREFIX}it can be polled again after its end, with the same video`,
  ],
  [
    'gives another video after the end',
    () => {
      let count = 0
      return {
        poll: async () => {
          count += 1
          return { state: 'completed', video: { ...VIDEO, id: `gen_${count}` } }
        },
      }
    },
    `${PREFIX}it can be polled again after its end, with the same video`,
  ],
  ['never ends', () => ({ poll: async () => ({ state: 'running' }) }), WELL_FORMED],
  ['has its own state', () => ({ poll: async () => ({ state: 'done' }) as unknown as TaskStatus }), WELL_FORMED],
  ['has a ratio past 1', () => ({ poll: async () => ({ state: 'running', ratio: 45 }) }), WELL_FORMED],
  ['has a negative wait', () => ({ poll: async () => ({ state: 'running', pollAfterMs: -1 }) }), WELL_FORMED],
  [
    'fails with a text',
    () => ({ poll: async () => ({ state: 'failed', error: 'server_error' }) as unknown as TaskStatus }),
    WELL_FORMED,
  ],
  [
    'gives another outcome of a cancel',
    () => ({ cancel: async () => 'ok' as unknown as 'cancelled' }),
    `${PREFIX}if it can be cancelled, it reports the outcome, also after its end`,
  ],
  [
    'cannot be cancelled twice',
    () => {
      let count = 0
      return {
        cancel: async () => {
          count += 1
          if (count > 1) throw new TypeError('already cancelled')
          return 'cancelled'
        },
      }
    },
    `${PREFIX}if it can be cancelled, it reports the outcome, also after its end`,
  ],
  [
    'polls in spite of an early abort',
    () => ({ poll: async () => ({ state: 'completed', video: VIDEO }) }),
    `${PREFIX}an abort before a poll or a cancel rejects with the reason itself`,
  ],
  [
    'cancels in spite of an early abort',
    () => ({ cancel: async () => 'cancelled' }),
    `${PREFIX}an abort before a poll or a cancel rejects with the reason itself`,
  ],
  [
    'lists in spite of an early abort',
    () => ({ pollMany: async (operations) => operations.map(() => undefined) }),
    `${PREFIX}an abort before a poll or a cancel rejects with the reason itself`,
  ],
  ['lists too few jobs', () => ({ pollMany: async () => [] }), POLLS_MANY],
  ['lists jobs without being asked', () => ({ pollMany: async () => [{ state: 'running' }] }), POLLS_MANY],
  [
    'lists a job in its own state',
    () => ({ pollMany: async (all) => all.map(() => ({ state: 'done' }) as unknown as TaskStatus) }),
    POLLS_MANY,
  ],
  [
    'lists a completed job as failed',
    () => ({
      pollMany: async (all) => all.map(() => ({ state: 'failed', error: new GenerationFailedError('Could not') })),
    }),
    POLLS_MANY,
  ],
  [
    'lists the jobs in another order',
    () => ({
      poll: async (operation) => ({ state: 'completed', video: { ...VIDEO, id: JSON.stringify(operation) } }),
      pollMany: async (all) =>
        all.toReversed().map((each) => ({ state: 'completed', video: { ...VIDEO, id: JSON.stringify(each) } })),
    }),
    POLLS_MANY,
  ],
  ['fails to list with a bug', () => ({ pollMany: () => Promise.reject(new TypeError('a bug')) }), POLLS_MANY],
  [
    'starts in spite of an early abort',
    () => ({
      start: async () => ({ operation: { id: 'task_1' } }),
      poll: async () => ({ state: 'completed', video: VIDEO }),
    }),
    'an abort before the call rejects with the reason itself and sends nothing',
  ],
  [
    'promises to be found without a find',
    () => ({ submission: { idempotency: 'none', lookup: 'key' } }),
    `${PREFIX}if it can be found, find gives its operation`,
  ],
  ['finds nothing', () => ({ find: async () => [] }), `${PREFIX}if it can be found, find gives its operation`],
  [
    'promises to honour keys and does not',
    () => ({ submission: { idempotency: 'key', lookup: 'none' } }),
    `${PREFIX}if its key is honoured, the same key gives the same job`,
  ],
]

const CALLBACK = `${PREFIX}if it declares callback, it passes on callbackUrl and keeps it`
const declared = { submission: { idempotency: 'none', lookup: 'none', callback: true } } as const

test.each<
  readonly [string, (good: TaskGenerator, received: (url: string | undefined) => void) => Partial<TaskGenerator>]
>([
  ['does not pass it on', () => ({})],
  [
    'changes it',
    (good, received) => ({
      start: (request, context) => {
        received(context.callbackUrl?.slice(0, 255))
        return good.start(request, context)
      },
    }),
  ],
  [
    'has it in its operation',
    (_, received) => ({
      start: async (_request, { callbackUrl }) => {
        received(callbackUrl)
        return { operation: { id: 'task_1', callbackUrl } }
      },
    }),
  ],
  [
    'passes on an earlier one',
    (good, received) => {
      let last: string | undefined
      return {
        start: (request, context) => {
          last = context.callbackUrl ?? last
          received(last)
          return good.start(request, context)
        },
      }
    },
  ],
])('a task generator that declares callback and %s fails', async (_, fault) => {
  const create = () => {
    let received: string | undefined
    const good = fakeTaskGenerator(declared)
    const faulty = fault(good, (url) => {
      received = url
    })
    return { generator: { ...good, ...faulty }, receivedCallbackUrl: () => received }
  }
  expect(await failures(create)).toContain(CALLBACK)
})

test('a task generator that declares callback fails without a way to see what it passes on', async () => {
  expect(await failures(() => ({ generator: fakeTaskGenerator(declared) }))).toEqual([CALLBACK])
})

test.each(brokenTasks)('a task generator that %s fails', async (_, fault, expected) => {
  const create = () => {
    const good = fakeTaskGenerator()
    return { generator: { ...good, ...fault(good) }, secrets: [SECRET] }
  }
  expect(await failures(create)).toContain(expected)
})

test.each([
  ['an untyped error', new TypeError('fetch failed')],
  ['a secret in its error', new GenerationFailedError(`Could not generate with: ${SECRET}`)],
])('a generator with %s of a failing upstream fails', async (_, outcome) => {
  const failed = await failedCases((collect) =>
    generatorConformance({
      test: collect,
      create: () => ({ generator: fakeGenerator() }),
      createFailing: () => ({ generator: fakeGenerator({ outcome }), secrets: [SECRET] }),
    }),
  )
  expect([...failed.keys()]).toEqual(['a failing upstream gives an error of the library without secrets'])
})

async function failures(create: () => GeneratorSubject): Promise<readonly string[]> {
  const failed = await failedCases((collect) => generatorConformance({ test: collect, timeoutMs: 60, create }))
  return [...failed.keys()]
}
