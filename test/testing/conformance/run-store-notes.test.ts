import { expect, test } from 'vitest'
import { runStoreConformance } from '../../../src/testing/index.js'
import { failedCases } from './failed-cases.js'
import { type Fault, failuresOf } from './failures-of.js'
import { fullStore } from './full-run-store.js'

const ALL_OR_NONE = 'has all methods of notes or none'
const UNCHANGED = 'gives a note unchanged to every process, and none of an unknown key'
const AT_VERSION = 'replaces a note only at its version, and gives each save a new one'
const ONE_WINS = 'gives one of 20 processes that save a note at once the next version'
const APART = 'keeps keys and namespaces of notes apart'
const DUE = 'lists notes that are due, the most overdue first, page by page'
const CLOCK = 'forgets a note, and makes one due, by the clock of the store'
const TIMES = 'refuses notes with times that are no times'

const broken: readonly (readonly [string, Fault, readonly string[]])[] = [
  [
    'ignores the version',
    (store) => ({
      saveNote: async (namespace, key, _, note) =>
        store.saveNote(namespace, key, (await store.readNote(namespace, key))?.version ?? 0, note),
    }),
    [AT_VERSION],
  ],
  [
    'lists notes that are not due',
    (store) => ({ saveNote: (a, b, c, note) => store.saveNote(a, b, c, { ...note, dueInMs: note.dueInMs * 0 }) }),
    [DUE, CLOCK, TIMES],
  ],
  [
    'never forgets a note',
    (store) => ({ saveNote: (a, b, c, note) => store.saveNote(a, b, c, { ...note, expiresInMs: 1e9 }) }),
    [AT_VERSION, CLOCK, TIMES],
  ],
  [
    'lets several processes win',
    (store) => ({
      saveNote: async (namespace, key, version, note) => {
        const saved = await store.readNote(namespace, key)
        if ((saved?.version ?? 0) !== version) return undefined
        for (;;) {
          const newest = (await store.readNote(namespace, key))?.version ?? 0
          const won = await store.saveNote(namespace, key, newest, note)
          if (won !== undefined) return won
        }
      },
    }),
    [ONE_WINS],
  ],
  ['has no pages', (store) => ({ dueNotes: (namespace, limit) => store.dueNotes(namespace, limit) }), [DUE]],
  ['has no limit', (store) => ({ dueNotes: (namespace, _, after) => store.dueNotes(namespace, 1e6, after) }), [DUE]],
  [
    'mixes namespaces',
    (store) => ({
      saveNote: (_, key, version, note) => store.saveNote('x', key, version, note),
      readNote: (_, key) => store.readNote('x', key),
      dueNotes: (_, limit, after) => store.dueNotes('x', limit, after),
    }),
    [APART, DUE],
  ],
  [
    'keeps only the first field',
    (store) => ({
      saveNote: (a, b, c, note) =>
        store.saveNote(a, b, c, { ...note, value: Object.fromEntries(Object.entries(note.value).slice(0, 1)) }),
    }),
    [UNCHANGED, APART],
  ],
]

test.each(broken)('a store that %s fails', async (_, fault, cases) => {
  expect([...(await failuresOf(fault)).keys()]).toEqual(cases)
})

test.each(['readNote', 'saveNote', 'dueNotes'] as const)('a store with notes but without %s fails', async (method) => {
  const create = () => {
    const { [method]: _, ...store } = fullStore()
    return { store }
  }
  const failed = await failedCases((collect) => runStoreConformance({ test: collect, create }))
  expect([...failed.keys()]).toEqual([ALL_OR_NONE])
})
