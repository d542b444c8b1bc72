import { expect, test } from 'vitest'
import { type Fault, failuresOf } from './failures-of.js'

const NONE = 'gives no beat of a worker that never beat, and none of a run without a worker'
const TTL = 'gives the beat of the worker that a run names, with its ttl, to every process'
const OTHER_WORKER = 'gives the beat of another worker after a save that names it'
const NUMBER = 'gives every beat a new number'
const EXPIRY = 'expires a beat when its ttl has passed by the clock of the store, and not before'
const LAST_TTL = 'counts the ttl of a worker from its last beat'
const APART = 'keeps the beats of workers apart, whatever their names look like'
const RETIRED = 'removes the beat of a worker that retires, and no other'
const UNKNOWN_WORKER = 'does nothing when an unknown worker retires'
const REFUSED_TTL = 'refuses a ttl that is not a finite number above 0, and keeps the beat'
const FREE = 'leaves out the runs of live workers when only free ones are requested'
const FREE_SAVED = 'follows a save to another worker when only free ones are requested'
const FREE_PAGES = 'pages through the free runs, in pages of any size'

const broken: readonly (readonly [string, Fault, readonly string[]])[] = [
  [
    'keeps no beat',
    () => ({ heartbeat: async () => undefined }),
    [
      TTL,
      OTHER_WORKER,
      NUMBER,
      EXPIRY,
      LAST_TTL,
      APART,
      RETIRED,
      UNKNOWN_WORKER,
      REFUSED_TTL,
      FREE,
      FREE_SAVED,
      FREE_PAGES,
    ],
  ],
  [
    'gives the beat of any worker',
    (store, { beats }) => ({
      load: async (id) => {
        const loaded = await store.load(id)
        const [beat] = beats.values()
        return loaded && beat ? { ...loaded, beat: { ...beat, isExpired: false } } : loaded
      },
    }),
    [NONE, OTHER_WORKER, EXPIRY, LAST_TTL, APART, RETIRED, FREE],
  ],
  [
    'numbers beats from 1 in each process',
    (store, { beats }) => {
      let number = 0
      return {
        heartbeat: async (worker, ttlMs) => {
          await store.heartbeat(worker, ttlMs)
          number += 1
          const beat = beats.get(worker)
          if (beat) beats.set(worker, { ...beat, number })
        },
      }
    },
    [NUMBER],
  ],
  [
    'never expires a beat',
    (store, { beats }) => ({
      heartbeat: async (worker, ttlMs) => {
        await store.heartbeat(worker, ttlMs)
        const beat = beats.get(worker)
        if (beat) beats.set(worker, { ...beat, expiresAt: Number.POSITIVE_INFINITY })
      },
    }),
    [EXPIRY, LAST_TTL, APART, FREE],
  ],
  [
    'takes milliseconds for seconds',
    (store, { beats }) => ({
      heartbeat: async (worker, ttlMs) => {
        await store.heartbeat(worker, ttlMs)
        const beat = beats.get(worker)
        if (beat) beats.set(worker, { ...beat, expiresAt: beat.expiresAt + ttlMs * 999 })
      },
    }),
    [EXPIRY, LAST_TTL, APART, FREE],
  ],
  [
    'expires beats too early',
    (store, { beats }) => ({
      heartbeat: async (worker, ttlMs) => {
        await store.heartbeat(worker, ttlMs)
        const beat = beats.get(worker)
        if (beat) beats.set(worker, { ...beat, expiresAt: beat.expiresAt - ttlMs / 2 })
      },
    }),
    [EXPIRY],
  ],
  [
    'gives no beat that has expired',
    (store) => ({
      load: async (id) => {
        const loaded = await store.load(id)
        return loaded?.beat?.isExpired ? { ...loaded, beat: undefined } : loaded
      },
    }),
    [EXPIRY, LAST_TTL, APART, FREE],
  ],
  [
    'keeps the longer of two ttls',
    (store, { beats }) => ({
      heartbeat: async (worker, ttlMs) => {
        const { expiresAt = 0 } = beats.get(worker) ?? {}
        await store.heartbeat(worker, ttlMs)
        const beat = beats.get(worker)
        if (beat) beats.set(worker, { ...beat, expiresAt: Math.max(expiresAt, beat.expiresAt) })
      },
    }),
    [LAST_TTL, APART],
  ],
  [
    'keeps the first ttl of a worker',
    (store, { beats }) => ({
      heartbeat: (worker, ttlMs) => store.heartbeat(worker, (ttlMs > 0 && beats.get(worker)?.ttlMs) || ttlMs),
    }),
    [TTL, LAST_TTL, APART],
  ],
  [
    'takes names of workers for paths',
    (store) => ({ heartbeat: (worker, ttlMs) => store.heartbeat(worker.split('/').at(-1) ?? worker, ttlMs) }),
    [APART],
  ],
  [
    'compares names of workers without case',
    (store) => ({
      heartbeat: async (worker, ttlMs) => {
        await store.heartbeat(worker.toLowerCase(), ttlMs)
        await store.heartbeat(worker.toUpperCase(), ttlMs)
        await store.heartbeat(worker, ttlMs)
      },
    }),
    [APART],
  ],
  ['retires every worker', (_, { beats }) => ({ retire: async () => beats.clear() }), [RETIRED, UNKNOWN_WORKER, FREE]],
  ['retires no worker', () => ({ retire: async () => undefined }), [RETIRED, FREE]],
  [
    'refuses to retire an unknown worker',
    (_, { beats }) => ({
      retire: async (worker) => {
        if (!beats.delete(worker)) throw new Error(`Could not retire: ${worker}`)
      },
    }),
    [UNKNOWN_WORKER],
  ],
  [
    'takes a ttl without end',
    (store) => ({ heartbeat: (worker, ttlMs) => store.heartbeat(worker, Math.min(ttlMs, Number.MAX_VALUE)) }),
    [REFUSED_TTL],
  ],
  [
    'takes a ttl of 0 for none',
    (store) => ({ heartbeat: async (worker, ttlMs) => (ttlMs === 0 ? undefined : store.heartbeat(worker, ttlMs)) }),
    [REFUSED_TTL],
  ],
  [
    'refuses a ttl without its name',
    (store) => ({
      heartbeat: (worker, ttlMs) =>
        store.heartbeat(worker, ttlMs).catch((error: Error) => {
          throw Object.assign(error, { problems: [] })
        }),
    }),
    [REFUSED_TTL],
  ],
  [
    'refuses a ttl with an error of another kind',
    (store) => ({
      heartbeat: (worker, ttlMs) =>
        store.heartbeat(worker, ttlMs).catch(() => {
          throw new RangeError('ttlMs')
        }),
    }),
    [REFUSED_TTL],
  ],
  [
    'removes the beat when it refuses another',
    (store, { beats }) => ({
      heartbeat: async (worker, ttlMs) => {
        if (!(ttlMs > 0)) beats.delete(worker)
        await store.heartbeat(worker, ttlMs)
      },
    }),
    [REFUSED_TTL],
  ],
  [
    'shows beats to the process only that keeps them',
    (store, _, process) =>
      process === 1
        ? {}
        : {
            load: async (id) => {
              const loaded = await store.load(id)
              return loaded && { ...loaded, beat: undefined }
            },
          },
    [TTL, EXPIRY, RETIRED],
  ],
]

test.each(broken)('a store that %s fails', async (_, fault, expected) => {
  expect([...(await failuresOf(fault)).keys()]).toEqual(expected)
})
