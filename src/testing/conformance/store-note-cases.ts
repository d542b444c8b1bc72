import assert from 'node:assert/strict'
import type { SavedNote } from '../../contracts/stored-note.js'
import type { ConformanceCase } from './conformance-suite.js'
import { optionalCase, type RunStoreSubject } from './run-store-subject.js'
import { isInvalid } from './store-refusals.js'

const METHODS = ['readNote', 'saveNote', 'dueNotes'] as const
// Longer than a case takes, and short enough to wait for.
const LONG_MS = 60_000
const SHORT_MS = 20
const AWKWARD_KEYS = ['k', 'K', 'k ', '../k', 'a/b', 'a:b', "k'1", '%', 'ü日本🎬', '\u0000', '\n', 'x'.repeat(300)]

const note = (value: object, { dueInMs = 0, expiresInMs = LONG_MS } = {}) => ({
  value: value as SavedNote['value'],
  dueInMs,
  expiresInMs,
})

/** Cases about notes. */
export const storeNoteCases: readonly ConformanceCase<RunStoreSubject>[] = [
  {
    name: 'has all methods of notes or none',
    async check({ store }) {
      const present = METHODS.filter((method) => store[method] !== undefined)
      assert.ok([0, METHODS.length].includes(present.length), `a store has all of ${METHODS.join(', ')}, or none`)
    },
  },
  optionalCase(
    METHODS,
    'gives a note unchanged to every process, and none of an unknown key',
    async (store, reopen) => {
      const value = { url: 'https://a.example/?b=ü', list: [1, null, { deep: true }], text: '\u0000\n' }
      assert.equal(await store.readNote('a', 'k'), undefined, 'an unknown key has no note')
      const version = await store.saveNote('a', 'k', 0, note(value))
      assert.ok(version !== undefined && version > 0, 'a new note must get a version above 0')
      for (const each of [store, await reopen()]) {
        assert.deepEqual(await each.readNote('a', 'k'), { version, value }, 'readNote must give what was saved')
      }
    },
  ),
  optionalCase(METHODS, 'replaces a note only at its version, and gives each save a new one', async (store, reopen) => {
    const other = await reopen()
    const first = (await store.saveNote('a', 'k', 0, note({ n: 1 }))) ?? 0
    assert.equal(await other.saveNote('a', 'k', 0, note({ n: 2 })), undefined, 'a note that exists is not new')
    const second = (await other.saveNote('a', 'k', first, note({ n: 3 }))) ?? 0
    assert.equal(await store.saveNote('a', 'k', first, note({ n: 4 })), undefined, 'a former version must lose')
    assert.deepEqual(await store.readNote('a', 'k'), { version: second, value: { n: 3 } })
    assert.ok((await store.saveNote('a', 'k', second, note({}, { expiresInMs: 0 }))) !== undefined, 'it is removed')
    assert.equal(await other.readNote('a', 'k'), undefined, 'a note with expiresInMs 0 is removed')
    assert.equal(await other.saveNote('a', 'k', second, note({ n: 5 })), undefined, 'a removed version must lose')
    const third = (await other.saveNote('a', 'k', 0, note({ n: 6 }))) ?? 0
    assert.equal(new Set([0, first, second, third]).size, 4, 'each save must have its own version')
  }),
  optionalCase(
    METHODS,
    'gives one of 20 processes that save a note at once the next version',
    async (store, reopen) => {
      const stores = [store, await reopen()]
      const save = (version: number) =>
        Promise.all(
          Array.from({ length: 20 }, (_, index) =>
            (stores[index % 2] ?? store).saveNote('a', 'k', version, note({ index })),
          ),
        )
      const created = (await save(0)).filter((version) => version !== undefined)
      assert.equal(created.length, 1, `exactly one of 20 must create the note, but ${created.length} did`)
      const replaced = (await save(created[0] ?? 0)).filter((version) => version !== undefined)
      assert.equal(replaced.length, 1, `exactly one of 20 must replace the note, but ${replaced.length} did`)
    },
  ),
  optionalCase(METHODS, 'keeps keys and namespaces of notes apart', async (store) => {
    for (const [index, key] of AWKWARD_KEYS.entries()) {
      for (const namespace of ['a', 'b']) await store.saveNote(namespace, key, 0, note({ namespace, index }))
    }
    for (const [index, key] of AWKWARD_KEYS.entries()) {
      assert.deepEqual((await store.readNote('b', key))?.value, { namespace: 'b', index }, JSON.stringify(key))
    }
    const due = await store.dueNotes('a', 100)
    assert.deepEqual([...due].sort(), [...AWKWARD_KEYS].sort(), 'dueNotes gives every key of the namespace as it is')
  }),
  optionalCase(METHODS, 'lists notes that are due, the most overdue first, page by page', async (store, reopen) => {
    const keys = ['c', 'a', 'b']
    for (const key of keys) await store.saveNote('a', key, 0, note({}))
    await store.saveNote('a', 'later', 0, note({}, { dueInMs: LONG_MS }))
    await store.saveNote('other', 'd', 0, note({}))
    const other = await reopen()
    const due = await other.dueNotes('a', 100)
    assert.deepEqual([...due].sort(), ['a', 'b', 'c'], 'only notes that are due, of the namespace')
    const pages: string[] = []
    for (let after: string | undefined; pages.length < due.length; after = pages.at(-1)) {
      const page = await store.dueNotes('a', 2, after)
      assert.ok(page.length > 0 && page.length <= 2, `a page must have 1 or 2 of the rest, but has ${page.length}`)
      pages.push(...page)
    }
    assert.deepEqual(pages, due, 'pages must give the same keys in the same order')
    assert.deepEqual(await store.dueNotes('a', 10, 'unknown'), [], 'an unknown key returns no keys')
    const version = (await store.readNote('a', 'c'))?.version ?? 0
    await store.saveNote('a', 'c', version, note({}, { dueInMs: LONG_MS }))
    assert.ok(!(await other.dueNotes('a', 10)).includes('c'), 'a note that was postponed is not due')
  }),
  {
    name: 'forgets a note, and makes one due, by the clock of the store',
    async check(subject, trial) {
      const { store, advance } = subject
      const { readNote, saveNote, dueNotes } = store
      if (readNote === undefined || saveNote === undefined || dueNotes === undefined) return
      const [save, due] = [saveNote.bind(store), () => dueNotes.call(store, 'a', 10)]
      await save('a', 'later', 0, note({}, { dueInMs: SHORT_MS }))
      await save('a', 'short', 0, note({}, { expiresInMs: SHORT_MS }))
      if (advance) {
        assert.deepEqual(await due(), ['short'], 'a note is not due before its time, and not forgotten before its end')
        await advance.call(subject, SHORT_MS)
      }
      const isForgotten = async () => (await readNote.call(store, 'a', 'short')) === undefined
      await trial.eventually(isForgotten, 'a note whose expiresInMs has passed')
      await trial.eventually(async () => (await due())[0] === 'later', 'a note whose dueInMs has passed')
      assert.deepEqual(await due(), ['later'], 'a forgotten note is not due')
      assert.ok((await save('a', 'short', 0, note({}))) !== undefined, 'a forgotten note can be saved as a new one')
    },
  },
  optionalCase(METHODS, 'refuses notes with times that are no times', async (store) => {
    for (const wrong of [-1, Number.NaN, Number.POSITIVE_INFINITY, '5' as unknown as number]) {
      await isInvalid(store.saveNote('a', 'k', 0, note({}, { dueInMs: wrong })), 'dueInMs', 'saveNote')
      await isInvalid(store.saveNote('a', 'k', 0, note({}, { expiresInMs: wrong })), 'expiresInMs', 'saveNote')
    }
    assert.equal(await store.readNote('a', 'k'), undefined, 'a refused note is not saved')
  }),
]
