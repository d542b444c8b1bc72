import type { ServerProblem, StoreDurability } from 'sora-pipeline'
import type { PromiseReport, SettingsStoreReport, StoreReport } from './report.js'

const ONE_MACHINE = 'the files are on one machine; use postgresStore for several'

const NOT_READ = 'the settings of the server were not read'

/** Which promises hold with a store, from the settings of its server; `undefined` for those that were not read. */
export function promisesOf(
  kind: StoreReport['kind'],
  {
    settings,
    durability,
  }: { readonly settings: readonly ServerProblem[] | undefined; readonly durability: StoreDurability | undefined },
): readonly PromiseReport[] {
  const reasons = (settings ?? []).map(({ setting, value }) => `${setting} is ${value}`).join(', ')
  // Of a promise that the settings decide.
  const decided = (isKept: boolean, note: string) =>
    settings === undefined ? ({ holds: 'unknown', note: NOT_READ } as const) : { holds: isKept, note: reasons || note }
  switch (kind) {
    case 'memory':
      return [
        { promise: 'restart', holds: false, note: 'runs end with the process; give a store' },
        { promise: 'many-processes', holds: false, note: 'each process knows only its own runs' },
      ]
    case 'file':
    case 'sqlite':
      return [
        { promise: 'restart', holds: true, note: 'the next process resumes the runs' },
        { promise: 'power-cut', holds: true, note: 'a save is on the disk when it counts' },
        {
          promise: 'many-processes',
          holds: true,
          note: kind === 'file' ? 'for a few runs at a time' : 'on one machine',
        },
        { promise: 'many-machines', holds: false, note: ONE_MACHINE },
      ]
    case 'redis':
      return [
        { promise: 'restart', ...decided(!reasons.includes('appendonly'), 'appendonly is yes') },
        { promise: 'power-cut', ...decided(reasons === '', 'appendfsync is always, maxmemory-policy noeviction') },
        { promise: 'many-machines', holds: true, note: 'any number of processes on any number of machines' },
        {
          promise: 'failover',
          holds: false,
          note: 'a replica that takes over may lack the last saves, whatever is set',
        },
      ]
    case 'postgres':
      return [
        { promise: 'restart', holds: true, note: 'the next process resumes the runs' },
        {
          promise: 'power-cut',
          ...decided(reasons === '', 'fsync, full_page_writes and synchronous_commit are on'),
        },
        { promise: 'many-machines', holds: true, note: 'any number of processes on any number of machines' },
        {
          promise: 'failover',
          holds: 'unknown',
          note: 'holds with synchronous replication (synchronous_standby_names)',
        },
      ]
    case 'custom':
      return durability === undefined ? [UNDECLARED] : declared(durability, reasons)
  }
}

const UNDECLARED: PromiseReport = {
  promise: 'restart',
  holds: 'unknown',
  note: 'this store of your own has no durability, which would declare it',
}

// A store of your own, by its own word and the settings of its server.
function declared({ kind, survives, sharedBy }: StoreDurability, reasons: string): readonly PromiseReport[] {
  const note = `${kind} declares that it survives ${survives === 'nothing' ? survives : `a ${survives}`}`
  const shared = `${kind} declares that it is shared by ${sharedBy.replace('-', ' ')}`
  return [
    { promise: 'restart', holds: survives !== 'nothing' && reasons === '', note: reasons || note },
    { promise: 'power-cut', holds: survives === 'power-cut' && reasons === '', note: reasons || note },
    { promise: 'many-processes', holds: sharedBy !== 'one-process', note: shared },
    { promise: 'many-machines', holds: sharedBy === 'many-machines', note: shared },
  ]
}

/** What holds with the settings of a bin. */
export function promiseOfSettings({ isReached, error }: SettingsStoreReport): PromiseReport {
  const note = 'shared by every process that pulls; of two writes at the same moment the last one wins'
  return { promise: 'settings', holds: isReached, note: isReached ? note : `not read: ${error}` }
}
