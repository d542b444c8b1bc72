import { RunStateError } from '../../contracts/run-errors.js'
import type { RedisConnection } from './redis-connection.js'
import { keyOf } from './redis-keys.js'
import { LAYOUT_VERSION, uncheckedScript } from './redis-script.js'
import { refuseServers, serverFacts } from './redis-server.js'

/** The layout of the keys, as the library knows it. */
export interface LayoutVersions {
  readonly version: number
  /**
   * Oldest layout that a store of another library version must know to work beside this one. It changes only when an upgrade takes
   * something away, so that processes of both versions work while one replaces the other.
   */
  readonly least: number
  /** Lua that leads from each version to the next; no keys are of version 0. */
  readonly upgrades: readonly string[]
}

const PRESENT: LayoutVersions = { version: LAYOUT_VERSION, least: 1, upgrades: [''] }

/**
 * Marks the keys as those of a store, or upgrades them in place, in one script: of several processes that start at once, one does it. A
 * later layout stays unchanged.
 * @throws RunStateError, not retryable, when a server is too old. Whatever the client reports.
 */
export async function migrateKeys(connection: RedisConnection, prefix: string, library = PRESENT): Promise<void> {
  refuseServers(await serverFacts(connection))
  await connection.run(migrationOf(library), [keyOf(prefix, 'meta')], [])
}

/** The error of keys that `migrate` did not make, or not to the present version. */
export function notMigrated(prefix: string): RunStateError {
  return new RunStateError(
    `Could not use the store, its keys are missing or older than the library under the Redis prefix: ${prefix}; call migrate() of the store first, or run npx sora-pipeline migrate`,
    { reason: 'keys that are missing or older than the library' },
  )
}

/** The error of keys of a later version of the library. */
export function laterVersion(prefix: string): RunStateError {
  return new RunStateError(
    `Could not use the store, a later version of the library changed the keys of the Redis prefix: ${prefix}; upgrade sora-pipeline`,
    { reason: 'keys of a later version of the library' },
  )
}

/** The error of a store of which keys are missing. */
export function lostKeys(prefix: string): RunStateError {
  return new RunStateError(
    `Could not save the run, others are missing under the Redis prefix: ${prefix}; set maxmemory-policy to noeviction, and restore the keys`,
    { reason: 'missing keys' },
  )
}

function migrationOf({ version, least, upgrades }: LayoutVersions) {
  const steps = upgrades.map((step, index) => `if found < ${index + 1} then ${step} end`)
  return uncheckedScript(
    [],
    `local found = tonumber(redis.call('HGET', meta, 'version') or '0')
if found >= ${version} then return found end`,
    ...steps,
    `local least = math.max(${least}, tonumber(redis.call('HGET', meta, 'least') or '0'))
redis.call('HSET', meta, 'version', ${version}, 'least', least)
return ${version}`,
  )
}
