import { expect, test } from 'vitest'
import { RETAINED_MS } from '../../../src/contracts/retained-run.js'
import { type Fault, failuresOf } from './failures-of.js'
import { stateOf } from './stored-states.js'

const PRUNE_MEDIA = 'drops the media of forgotten runs, and keeps those of others'
const LATE_MEDIA = 'drops media that came after their run was removed, with its retained data'
const CLAIMS = 'keeps the claims of a forgotten run for 24 hours, and frees them then'
const CLAIMS_OF_ID = 'keeps the claims of a run that has the id of a forgotten one'
const CLAIMS_AGAIN = 'keeps the claims of a run for 24 hours, whenever another run had its id'

const broken: readonly (readonly [string, Fault, readonly string[]])[] = [
  [
    'keeps the media of forgotten runs',
    (store, { media }) => ({
      prune: async (query) => {
        const kept = [...media].map(([sha256, { bytes, runs }]) => [sha256, { bytes, runs: new Set(runs) }] as const)
        const count = await store.prune(query)
        for (const [sha256, each] of kept) media.set(sha256, each)
        return count
      },
    }),
    [PRUNE_MEDIA, LATE_MEDIA],
  ],
  [
    'keeps the media of retained runs',
    (store, data) => ({
      prune: async (query) => {
        const kept = [...data.media].map(([sha256, { bytes, runs }]) => ({ sha256, bytes, runs: [...runs] }))
        const count = await store.prune(query)
        for (const { sha256, bytes, runs } of kept) {
          for (const id of runs) if (stateOf(data, id)?.isRetained) await store.putMedia(id, sha256, bytes)
        }
        return count
      },
    }),
    [PRUNE_MEDIA],
  ],
  [
    'keeps the media that were put for a run after it was forgotten',
    (store, data) => ({
      prune: async (query) => {
        const retained = [...data.runs.keys()].filter((id) => stateOf(data, id)?.isRetained)
        const kept = [...data.media].map(([sha256, { bytes, runs }]) => ({ sha256, bytes, runs: new Set(runs) }))
        const count = await store.prune(query)
        for (const { sha256, bytes, runs } of kept) {
          const late = new Set([...runs].filter((id) => retained.includes(id)))
          if (late.size > 0) data.media.set(sha256, { bytes, runs: late })
        }
        return count
      },
    }),
    [LATE_MEDIA],
  ],
  [
    'drops the media of every run',
    (store, { media }) => ({
      prune: async (query) => {
        const count = await store.prune(query)
        media.clear()
        return count
      },
    }),
    [PRUNE_MEDIA],
  ],
  [
    'frees claims at once',
    (store, { claims, runs }) => ({
      prune: async (query) => {
        const count = await store.prune(query)
        for (const [name, id] of claims) if (!runs.has(id)) claims.delete(name)
        return count
      },
    }),
    [CLAIMS, CLAIMS_AGAIN],
  ],
  [
    'never frees claims',
    (store, { claims }) => ({
      prune: async (query) => {
        const kept = [...claims]
        const count = await store.prune(query)
        for (const [name, id] of kept) claims.set(name, id)
        return count
      },
    }),
    [CLAIMS, CLAIMS_AGAIN],
  ],
  [
    'frees the claims of every run',
    (store, { claims }) => ({
      prune: async (query) => {
        const count = await store.prune(query)
        if (query.now > query.endedBefore + RETAINED_MS) claims.clear()
        return count
      },
    }),
    [CLAIMS, CLAIMS_OF_ID, CLAIMS_AGAIN],
  ],
  [
    'frees the claims of an id forever',
    (store, { claims, released }) => {
      const forgotten = new Map<string, number>()
      return {
        prune: async (query) => {
          const count = await store.prune(query)
          for (const name of released.keys()) {
            const id = claims.get(name) ?? ''
            forgotten.set(id, forgotten.get(id) ?? query.now)
          }
          for (const [name, id] of claims) {
            if ((forgotten.get(id) ?? query.now) < query.now - RETAINED_MS) claims.delete(name)
          }
          return count
        },
      }
    },
    [CLAIMS_OF_ID],
  ],
]

test.each(broken)('a store that %s fails', async (_, fault, expected) => {
  expect([...(await failuresOf(fault)).keys()]).toEqual(expected)
})
