import { expect, test } from 'vitest'
import { type Fault, failuresOf } from './failures-of.js'

const RESCHEDULED = 'reschedules a run: its wakeAt and readings, and nothing else'
const LAST_RESCHEDULE = 'lets the last of several reschedules count'
const RESCHEDULED_DUE = 'gives a rescheduled run when it is due, and no earlier'
const RESCHEDULED_SAVED = 'replaces what was rescheduled with the next save'
const RESCHEDULE_FENCED = 'refuses to reschedule over an older version, and changes nothing'
const RESCHEDULE_UNKNOWN = 'refuses to reschedule an unknown run'
const READINGS_CLONED = 'keeps readings unaffected by later changes'
const REPORT_ONLY = 'changes nothing but the progress with a report'
const REPORT_STAYS = 'keeps the progress while the run names the worker'
const VERSIONS_NEWEST = 'gives the newest versions, also of saves of another process'

const broken: readonly (readonly [string, Fault, readonly string[]])[] = [
  [
    'saves when it reschedules',
    (store) => ({
      reschedule: async (id, version, wakeAt) => {
        const loaded = await store.load(id)
        await store.save(id, version, { ...(loaded?.state ?? { status: 'running' }), wakeAt })
      },
    }),
    [RESCHEDULED, LAST_RESCHEDULE, RESCHEDULED_SAVED, READINGS_CLONED, VERSIONS_NEWEST, REPORT_ONLY, REPORT_STAYS],
  ],
  [
    'counts a reschedule as a version',
    (store, { runs }) => ({
      reschedule: async (id, version, wakeAt, readings) => {
        await store.reschedule(id, version, wakeAt, readings)
        const stored = runs.get(id)
        if (stored) runs.set(id, { ...stored, version: version + 1 })
      },
    }),
    [RESCHEDULED, LAST_RESCHEDULE, RESCHEDULED_SAVED, VERSIONS_NEWEST, REPORT_ONLY, REPORT_STAYS],
  ],
  [
    'keeps no readings',
    (store) => ({
      load: async (id) => {
        const loaded = await store.load(id)
        return loaded && { ...loaded, readings: undefined }
      },
    }),
    [RESCHEDULED, LAST_RESCHEDULE, RESCHEDULED_SAVED, READINGS_CLONED, REPORT_ONLY],
  ],
  [
    'puts the readings into the state',
    (store) => ({
      load: async (id) => {
        const loaded = await store.load(id)
        return loaded?.readings ? { ...loaded, state: { ...loaded.state, readings: loaded.readings } } : loaded
      },
    }),
    [RESCHEDULED, REPORT_ONLY],
  ],
  [
    'adds readings to those before',
    (store) => ({
      reschedule: async (id, version, wakeAt, readings) => {
        const before = (await store.load(id))?.readings ?? []
        await store.reschedule(id, version, wakeAt, [...before, ...readings])
      },
    }),
    [LAST_RESCHEDULE],
  ],
  [
    'only ever reschedules a run to later',
    (store) => ({
      reschedule: async (id, version, wakeAt, readings) => {
        const before = (await store.load(id))?.state.wakeAt ?? 0
        await store.reschedule(id, version, Math.max(before, wakeAt), readings)
      },
    }),
    [LAST_RESCHEDULE, RESCHEDULED_DUE],
  ],
  [
    'forgets to load the new wakeAt',
    (store, { runs }) => ({
      load: async (id) => {
        const loaded = await store.load(id)
        return loaded && { ...loaded, state: JSON.parse(runs.get(id)?.text ?? '{}') }
      },
    }),
    [RESCHEDULED, LAST_RESCHEDULE, REPORT_ONLY],
  ],
  [
    'finds a run due by its state only',
    (store, { runs }) => ({
      due: async (before, limit, options) => {
        const kept = [...runs]
        for (const [id, { version, text }] of kept) runs.set(id, { version, text })
        try {
          return await store.due(before, limit, options)
        } finally {
          for (const [id, stored] of kept) runs.set(id, stored)
        }
      },
    }),
    [RESCHEDULED_DUE],
  ],
  [
    'keeps the readings at a save',
    (store, { runs }) => ({
      save: async (id, version, state) => {
        const readings = (await store.load(id))?.readings
        const saved = await store.save(id, version, state)
        const stored = runs.get(id)
        if (stored && readings) {
          runs.set(id, { ...stored, rescheduled: JSON.stringify({ wakeAt: state.wakeAt, readings }) })
        }
        return saved
      },
    }),
    [RESCHEDULED_SAVED],
  ],
  [
    'keeps the wakeAt at a save',
    (store, { runs }) => ({
      save: async (id, version, state) => {
        const rescheduled = runs.get(id)?.rescheduled
        const saved = await store.save(id, version, state)
        const stored = runs.get(id)
        if (stored && rescheduled) {
          runs.set(id, { ...stored, rescheduled: JSON.stringify({ wakeAt: JSON.parse(rescheduled).wakeAt }) })
        }
        return saved
      },
    }),
    [RESCHEDULED_SAVED],
  ],
  [
    'does not compare versions when it reschedules',
    (store, { runs }) => ({
      reschedule: (id, version, wakeAt, readings) =>
        store.reschedule(id, runs.get(id)?.version ?? version, wakeAt, readings),
    }),
    [RESCHEDULE_FENCED],
  ],
  [
    'reschedules before it compares',
    (store, { runs }) => ({
      reschedule: async (id, version, wakeAt, readings) => {
        const stored = runs.get(id)
        if (stored) await store.reschedule(id, stored.version, wakeAt, readings)
        if (stored?.version !== version) await store.reschedule(id, version, wakeAt, readings)
      },
    }),
    [RESCHEDULE_FENCED],
  ],
  [
    'ignores a reschedule that is too late',
    (store) => ({ reschedule: (...args) => store.reschedule(...args).catch(() => undefined) }),
    [RESCHEDULE_FENCED, RESCHEDULE_UNKNOWN],
  ],
  [
    'creates a run when it reschedules',
    (store) => ({
      reschedule: async (id, version, wakeAt, readings) => {
        await store.create(id, { status: 'running', wakeAt })
        await store.reschedule(id, version, wakeAt, readings)
      },
    }),
    [RESCHEDULE_UNKNOWN],
  ],
  [
    'keeps the readings that it is given',
    (store) => {
      const kept = new Map<string, Parameters<typeof store.reschedule>[3]>()
      return {
        reschedule: async (id, version, wakeAt, readings) => {
          await store.reschedule(id, version, wakeAt, readings)
          kept.set(id, readings)
        },
        load: async (id) => {
          const loaded = await store.load(id)
          return loaded?.readings ? { ...loaded, readings: kept.get(id) ?? loaded.readings } : loaded
        },
      }
    },
    [LAST_RESCHEDULE, READINGS_CLONED],
  ],
]

test.each(broken)('a store that %s fails', async (_, fault, expected) => {
  expect([...(await failuresOf(fault)).keys()]).toEqual(expected)
})
