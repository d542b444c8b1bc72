import { expect, test } from 'vitest'
import { type Fault, failuresOf } from './failures-of.js'

const LAST_REPORT = 'gives the progress that the worker of a run reported last'
const REPORT_ONLY = 'changes nothing but the progress with a report'
const REPORT_STAYS = 'keeps the progress while the run names the worker'
const FOREIGN_REPORT = 'neither gives nor keeps the progress of a worker that the run does not name'
const LOST_RUN = 'gives no progress of a worker that lost the run'
const IGNORED = 'ignores reports of unknown and ended runs'
const MANY_REPORTS = 'accepts the reports of 200 runs at once'
const PROGRESS_CLONED = 'keeps progress unaffected by later changes'
const PROGRESS_PROCESSES = 'shows progress to another process'
const VERSIONS_ORDER = 'gives versions in the order of the ids, undefined for an unknown id'
const VERSIONS_NEWEST = 'gives the newest versions, also of saves of another process'
const MANY_VERSIONS = 'gives the versions of 2000 ids at once'

const broken: readonly (readonly [string, Fault, readonly string[]])[] = [
  [
    'keeps no progress',
    () => ({ report: async () => undefined }),
    [LAST_REPORT, REPORT_STAYS, FOREIGN_REPORT, LOST_RUN, IGNORED, MANY_REPORTS, PROGRESS_CLONED, PROGRESS_PROCESSES],
  ],
  [
    'keeps the first report',
    (store, { reports }) => ({
      report: (worker, entries) =>
        store.report(
          worker,
          entries.filter(({ id }) => !reports.has(id)),
        ),
    }),
    [LAST_REPORT, LOST_RUN, PROGRESS_PROCESSES],
  ],
  [
    'adds to the report before',
    (store, { reports }) => ({
      report: (worker, entries) =>
        store.report(
          worker,
          entries.map(({ id, progress }) => ({
            id,
            progress: { ...JSON.parse(reports.get(id)?.text ?? '{}'), ...progress },
          })),
        ),
    }),
    [LAST_REPORT, LOST_RUN],
  ],
  [
    'takes the report of any worker',
    (store) => ({
      report: async (_, entries) => {
        for (const entry of entries) {
          const worker = (await store.load(entry.id))?.state.worker ?? ''
          await store.report(worker, [entry])
        }
      },
    }),
    [FOREIGN_REPORT],
  ],
  [
    'lets the report of another worker hide that of the holder',
    (store, { reports }) => ({
      report: async (worker, entries) => {
        await store.report(worker, entries)
        for (const { id } of entries) {
          const report = reports.get(id)
          if (report && report.worker !== worker) reports.delete(id)
        }
      },
    }),
    [FOREIGN_REPORT],
  ],
  [
    'shows the report of a worker that lost the run',
    (store, { reports }) => ({
      load: async (id) => {
        const loaded = await store.load(id)
        const report = reports.get(id)
        return loaded && report ? { ...loaded, progress: JSON.parse(report.text) } : loaded
      },
    }),
    [LOST_RUN],
  ],
  [
    'clears the progress at a save',
    (store, { reports }) => ({
      save: async (id, version, state) => {
        const saved = await store.save(id, version, state)
        reports.delete(id)
        return saved
      },
    }),
    [REPORT_STAYS],
  ],
  [
    'clears the readings with a report',
    (store, { runs }) => ({
      report: async (worker, entries) => {
        await store.report(worker, entries)
        for (const { id } of entries) {
          const stored = runs.get(id)
          if (stored) runs.set(id, { version: stored.version, text: stored.text })
        }
      },
    }),
    [REPORT_ONLY],
  ],
  [
    'counts a report as a version',
    (store) => ({
      report: async (worker, entries) => {
        await store.report(worker, entries)
        for (const { id } of entries) {
          const loaded = await store.load(id)
          if (loaded?.state.status === 'running') await store.save(id, loaded.version, loaded.state)
        }
      },
    }),
    [REPORT_ONLY, REPORT_STAYS, LOST_RUN],
  ],
  [
    'refuses a report of an unknown run',
    (store, { runs }) => ({
      report: async (worker, entries) => {
        await store.report(worker, entries)
        for (const { id } of entries) if (!runs.has(id)) throw new Error(`Could not report: ${id}`)
      },
    }),
    [IGNORED],
  ],
  [
    'stops at the first unknown run',
    (store, { runs }) => ({
      report: async (worker, entries) => {
        const end = entries.findIndex(({ id }) => !runs.has(id))
        await store.report(worker, end === -1 ? entries : entries.slice(0, end))
      },
    }),
    [IGNORED],
  ],
  [
    'creates a run that is reported',
    (store) => ({
      report: async (worker, entries) => {
        for (const { id } of entries) await store.create(id, { status: 'running', wakeAt: 0, worker })
        await store.report(worker, entries)
      },
    }),
    [IGNORED],
  ],
  [
    'gives an ended run progress',
    (store, { reports }) => ({
      report: async (worker, entries) => {
        for (const { id, progress } of entries) {
          if ((await store.load(id))?.state.worker === worker) {
            reports.set(id, { worker, text: JSON.stringify(progress) })
          }
        }
      },
    }),
    [IGNORED],
  ],
  [
    'takes 100 entries at most',
    (store) => ({ report: (worker, entries) => store.report(worker, entries.slice(0, 100)) }),
    [MANY_REPORTS],
  ],
  [
    'keeps the progress that it is given',
    (store) => {
      const kept = new Map<string, Parameters<typeof store.report>[1][number]['progress']>()
      return {
        report: async (worker, entries) => {
          await store.report(worker, entries)
          for (const { id, progress } of entries) kept.set(id, progress)
        },
        load: async (id) => {
          const loaded = await store.load(id)
          return loaded?.progress ? { ...loaded, progress: kept.get(id) ?? loaded.progress } : loaded
        },
      }
    },
    [FOREIGN_REPORT, PROGRESS_CLONED],
  ],
  [
    'shows progress to the reporting process only',
    (store, _, process) =>
      process === 1
        ? {}
        : {
            load: async (id) => {
              const loaded = await store.load(id)
              return loaded && { ...loaded, progress: undefined }
            },
          },
    [PROGRESS_PROCESSES],
  ],
  [
    'gives versions in the order in which runs were created',
    (store, { runs }) => ({ versions: (ids) => store.versions([...runs.keys()].filter((id) => ids.includes(id))) }),
    [VERSIONS_ORDER, MANY_VERSIONS],
  ],
  [
    'gives version 0 for an unknown id',
    (store) => ({ versions: async (ids) => (await store.versions(ids)).map((version) => version ?? 0) }),
    [VERSIONS_ORDER, MANY_VERSIONS],
  ],
  [
    'leaves out the versions of unknown ids',
    (store) => ({ versions: async (ids) => (await store.versions(ids)).filter((version) => version !== undefined) }),
    [VERSIONS_ORDER, MANY_VERSIONS],
  ],
  [
    'remembers versions',
    (store) => {
      const known = new Map<string, number>()
      return {
        versions: async (ids) => {
          const versions = await store.versions(ids)
          for (const [index, id] of ids.entries()) {
            const version = versions[index]
            if (version !== undefined && !known.has(id)) known.set(id, version)
          }
          return ids.map((id) => known.get(id))
        },
      }
    },
    [VERSIONS_NEWEST],
  ],
  ['takes 999 ids at most', (store) => ({ versions: (ids) => store.versions(ids.slice(0, 999)) }), [MANY_VERSIONS]],
]

test.each(broken)('a store that %s fails', async (_, fault, expected) => {
  expect([...(await failuresOf(fault)).keys()]).toEqual(expected)
})
