import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { type Fault, failuresOf } from './failures-of.js'

const BYTES = 'gives media unchanged, whatever their length'
const NO_MEDIA = 'gives nothing for media that no run refers to'
const LAST_REFERENCE = 'keeps media until the last run that refers to them drops them'
const PUT_TWICE = 'counts media that a run puts twice as one reference'
const DROP_ALL = 'drops everything that a run refers to, and nothing else'
const DROP_NOTHING = 'does nothing when a run without media drops them'
const WRONG_HASH = 'refuses media with a different SHA-256, and keeps nothing'
const MEDIA_CLONED = 'keeps media unaffected by later changes'
const MEDIA_IDS = 'keeps the media of runs apart, whatever the characters of their ids'
const AT_ONCE = 'counts the references of 20 runs that put the same media at once'
const MEDIA_PROCESSES = 'shows media and their references to another process'
const LATE_MEDIA = 'drops media that came after their run was removed, with its retained data'
const PRUNE_MEDIA = 'drops the media of forgotten runs, and keeps those of others'

const broken: readonly (readonly [string, Fault, readonly string[]])[] = [
  [
    'takes bytes for text',
    (store) => ({
      getMedia: async (sha256) => {
        const bytes = await store.getMedia(sha256)
        return bytes && new TextEncoder().encode(new TextDecoder().decode(bytes))
      },
    }),
    [
      BYTES,
      LAST_REFERENCE,
      PUT_TWICE,
      DROP_ALL,
      DROP_NOTHING,
      WRONG_HASH,
      MEDIA_CLONED,
      MEDIA_IDS,
      AT_ONCE,
      MEDIA_PROCESSES,
    ],
  ],
  [
    'keeps 64 KiB at most',
    (store) => ({ getMedia: async (sha256) => (await store.getMedia(sha256))?.slice(0, 65_536) }),
    [BYTES],
  ],
  [
    'gives an empty array for unknown bytes',
    (store) => ({ getMedia: async (sha256) => (await store.getMedia(sha256)) ?? new Uint8Array() }),
    [
      NO_MEDIA,
      LAST_REFERENCE,
      PUT_TWICE,
      DROP_ALL,
      WRONG_HASH,
      MEDIA_IDS,
      AT_ONCE,
      MEDIA_PROCESSES,
      PRUNE_MEDIA,
      LATE_MEDIA,
    ],
  ],
  [
    'drops bytes with the first reference',
    (_, { media }) => ({
      dropMedia: async (runId) => {
        for (const [sha256, { runs }] of media) if (runs.has(runId)) media.delete(sha256)
      },
    }),
    [LAST_REFERENCE, DROP_ALL, AT_ONCE, MEDIA_PROCESSES],
  ],
  [
    'counts references without their runs',
    (store, { media }) => {
      const counts = new Map<string, number>()
      return {
        putMedia: async (runId, sha256, bytes) => {
          await store.putMedia(runId, sha256, bytes)
          counts.set(sha256, (counts.get(sha256) ?? 0) + 1)
        },
        dropMedia: async () => {
          for (const [sha256, count] of counts) {
            counts.set(sha256, count - 1)
            if (count <= 1) media.delete(sha256)
          }
        },
      }
    },
    [LAST_REFERENCE, PUT_TWICE, DROP_ALL, DROP_NOTHING, MEDIA_IDS, MEDIA_PROCESSES, PRUNE_MEDIA],
  ],
  [
    'counts every put',
    (store, { media }) => ({
      putMedia: async (runId, sha256, bytes) => {
        const again = media.get(sha256)?.runs.has(runId)
        await store.putMedia(runId, sha256, bytes)
        if (again) media.get(sha256)?.runs.add(`${runId} again`)
      },
    }),
    [PUT_TWICE],
  ],
  [
    'keeps the last reference of a run only',
    (store, { media }) => ({
      putMedia: async (runId, sha256, bytes) => {
        await store.putMedia(runId, sha256, bytes)
        for (const [other, { runs }] of media) if (other !== sha256) runs.delete(runId)
      },
    }),
    [DROP_ALL, PRUNE_MEDIA],
  ],
  [
    'drops nothing',
    () => ({ dropMedia: async () => undefined }),
    [LAST_REFERENCE, PUT_TWICE, DROP_ALL, MEDIA_IDS, AT_ONCE, MEDIA_PROCESSES, PRUNE_MEDIA],
  ],
  [
    'refuses to drop what a run does not have',
    (store, { media }) => ({
      dropMedia: async (runId) => {
        if (![...media.values()].some(({ runs }) => runs.has(runId))) throw new Error(`Could not drop: ${runId}`)
        await store.dropMedia(runId)
      },
    }),
    [LAST_REFERENCE, DROP_NOTHING],
  ],
  [
    'does not compare the hash',
    (_, { media }) => ({
      putMedia: async (runId, sha256, bytes) => {
        const kept = media.get(sha256) ?? { bytes: Uint8Array.from(bytes), runs: new Set() }
        media.set(sha256, { ...kept, runs: kept.runs.add(runId) })
      },
    }),
    [WRONG_HASH],
  ],
  [
    'takes a hash in upper case',
    (store) => ({ putMedia: (runId, sha256, bytes) => store.putMedia(runId, sha256.toLowerCase(), bytes) }),
    [WRONG_HASH],
  ],
  [
    'keeps bytes before it compares the hash',
    (store, { media }) => ({
      putMedia: async (runId, sha256, bytes) => {
        const right = createHash('sha256').update(bytes).digest('hex')
        if (!media.has(right)) await store.putMedia(runId, right, bytes)
        await store.putMedia(runId, sha256, bytes)
      },
    }),
    [WRONG_HASH],
  ],
  [
    'refuses a hash with an error of another kind',
    (store) => ({
      putMedia: (...args) =>
        store.putMedia(...args).catch(() => {
          throw new TypeError('sha256')
        }),
    }),
    [WRONG_HASH],
  ],
  [
    'keeps the array that it is given',
    (store, { media }) => ({
      putMedia: async (runId, sha256, bytes) => {
        await store.putMedia(runId, sha256, bytes)
        const kept = media.get(sha256)
        if (kept) media.set(sha256, { ...kept, bytes })
      },
    }),
    [MEDIA_CLONED],
  ],
  [
    'keeps the buffer behind a view',
    (store, { media }) => ({
      putMedia: async (runId, sha256, bytes) => {
        await store.putMedia(runId, sha256, bytes)
        const kept = media.get(sha256)
        if (kept) media.set(sha256, { ...kept, bytes: new Uint8Array(bytes.buffer.slice(0)) })
      },
    }),
    [MEDIA_CLONED],
  ],
  [
    'gives away the array that it keeps',
    (_, { media }) => ({ getMedia: async (sha256) => media.get(sha256)?.bytes }),
    [MEDIA_CLONED],
  ],
  [
    'takes ids for paths',
    (store) => ({
      putMedia: (runId, ...args) => store.putMedia(runId.split('/').at(-1) ?? '', ...args),
      dropMedia: (runId) => store.dropMedia(runId.split('/').at(-1) ?? ''),
    }),
    [MEDIA_IDS],
  ],
  [
    'waits between the look and the reference',
    (store, { media }) => ({
      putMedia: async (runId, sha256, bytes) => {
        const runs = new Set(media.get(sha256)?.runs)
        await new Promise((resolve) => setImmediate(resolve))
        await store.putMedia(runId, sha256, bytes)
        const kept = media.get(sha256)
        if (kept) media.set(sha256, { ...kept, runs: runs.add(runId) })
      },
    }),
    [AT_ONCE],
  ],
  [
    'counts the references of one process only',
    (store, { media }) => {
      const own = new Set<string>()
      return {
        putMedia: async (runId, sha256, bytes) => {
          await store.putMedia(runId, sha256, bytes)
          own.add(runId)
        },
        dropMedia: async (runId) => {
          own.delete(runId)
          if (own.size === 0) media.clear()
          else await store.dropMedia(runId)
        },
      }
    },
    [MEDIA_PROCESSES],
  ],
]

test.each(broken)('a store that %s fails', async (_, fault, expected) => {
  expect([...(await failuresOf(fault)).keys()]).toEqual(expected)
})
