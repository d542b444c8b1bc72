import { describe, expect, test } from 'vitest'
import { NetworkError, type Resolver } from '../../../src/index.js'
import { fakeResolver, resolverConformance } from '../../../src/testing/index.js'
import { failedCases } from './failed-cases.js'

describe('a good resolver passes', () => {
  resolverConformance({
    test,
    create: () => {
      const resolver = fakeResolver()
      return { resolver, requests: () => resolver.calls.length }
    },
    createHanging: () => ({ resolver: fakeResolver({ hangs: true }) }),
    createFailing: () => ({ resolver: fakeResolver({ outcome: new NetworkError('Could not resolve: refused') }) }),
  })
})

describe('a resolver that declares that it needs a publication passes', () => {
  resolverConformance({
    test,
    create: () => ({
      resolver: {
        name: 'needs-publication',
        async resolve({ publication }, { signal }) {
          signal.throwIfAborted()
          if (!publication) throw new NetworkError('Could not resolve without a publication: nothing')
          return { url: `https://cdn.example/${publication.id}.mp4`, byteLength: 12, expiresAt: 1 }
        },
      },
    }),
  })
})

const WELL_FORMED = 'gives a well-formed result, also to a context without warn'
const broken: readonly (readonly [string, Resolver['resolve'], string])[] = [
  ['a file url', async () => ({ url: 'file:///a.mp4' }), WELL_FORMED],
  ['no url', async () => ({}) as { url: string }, WELL_FORMED],
  ['an empty video', async () => ({ url: 'https://cdn.example/a.mp4', byteLength: 0 }), WELL_FORMED],
  [
    'an expiry that is no instant',
    async () => ({ url: 'https://cdn.example/a.mp4', expiresAt: Number.NaN }),
    WELL_FORMED,
  ],
  [
    'a url made from a missing publication',
    async ({ publication }) => ({ url: `https://cdn.example/${publication?.id}.mp4` }),
    'without a publication it gives a URL or an error of the library',
  ],
  [
    'an untyped error for a missing publication',
    async ({ publication }) => {
      if (!publication) throw new TypeError('no publication')
      return { url: 'https://cdn.example/a.mp4' }
    },
    'without a publication it gives a URL or an error of the library',
  ],
  [
    'the address of a private source',
    async ({ video }) => ({ url: video.url ?? video.source?.url ?? '' }),
    'never gives the address of a source that needs a key',
  ],
  [
    'a deaf ear for aborts',
    async () => ({ url: 'https://cdn.example/a.mp4' }),
    'an abort before the call rejects with the reason itself and sends nothing',
  ],
  [
    'a result that never comes',
    async () => new Promise<never>(() => {}),
    'an abort at any moment settles at once, and never with another error',
  ],
  [
    'one call at a time',
    (() => {
      let calls = 0
      return async () => {
        calls += 1
        const call = calls
        await new Promise((resolve) => setImmediate(resolve))
        return { url: call === calls ? 'https://cdn.example/a.mp4' : 'overtaken' }
      }
    })(),
    'resolves two videos at once',
  ],
]

test.each(broken)('a resolver with %s fails', async (_, resolve, expected) => {
  const create = () => ({ resolver: { name: 'broken', resolve } })
  const failed = await failedCases((collect) => resolverConformance({ test: collect, timeoutMs: 30, create }))
  expect([...failed.keys()]).toContain(expected)
})
