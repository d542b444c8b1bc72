import type { ServerProblem } from 'sora-pipeline/stores'
import type { PromiseReport, StoreReport } from './report.js'

const ONE_MACHINE = 'the files are on one machine; use postgresStore for several'

/** Which promises hold with a store, from the settings of its server. */
export function promisesOf(
  kind: StoreReport['kind'],
  { settings, isServer }: { readonly settings: readonly ServerProblem[]; readonly isServer: boolean },
): readonly PromiseReport[] {
  const isSafe = settings.length === 0
  const reasons = settings.map(({ setting, value }) => `${setting} is ${value}`).join(', ')
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
        { promise: 'restart', holds: isSafe || !reasons.includes('appendonly'), note: reasons || 'appendonly is yes' },
        { promise: 'power-cut', holds: isSafe, note: reasons || 'appendfsync is always, maxmemory-policy noeviction' },
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
          holds: isSafe,
          note: reasons || 'fsync, full_page_writes and synchronous_commit are on',
        },
        { promise: 'many-machines', holds: true, note: 'any number of processes on any number of machines' },
        {
          promise: 'failover',
          holds: 'unknown',
          note: 'holds with synchronous replication (synchronous_standby_names)',
        },
      ]
    case 'custom':
      if (isServer) {
        const note = reasons || 'its server has the settings that it needs'
        return [
          { promise: 'restart', holds: isSafe, note },
          { promise: 'many-machines', holds: true, note: 'any number of processes on any number of machines' },
        ]
      }
      return [{ promise: 'restart', holds: 'unknown', note: 'this store is an object; give its address with --store' }]
  }
}
