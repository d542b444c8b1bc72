import { checkOptions, type OptionRules } from '../../contracts/check-options.js'
import type { DiagnosableStore, ServerProblem } from '../../contracts/diagnosable-store.js'
import { number, required, rule } from '../../contracts/option-rules.js'
import type { RunStore } from '../../contracts/run-store.js'
import { serverEvents } from '../server-events.js'
import { serverStore } from '../server-store.js'
import { serverWork } from '../server-work.js'
import { storedNotes } from '../stored-notes.js'
import type { RedisClient } from './redis-client.js'
import { hearErrors, isRedisClient, redisConnection } from './redis-connection.js'
import { redisEvents } from './redis-events.js'
import { migrateKeys } from './redis-migration.js'
import { redisNotes } from './redis-notes.js'
import { redisOperations, scriptRunner } from './redis-operations.js'
import { serverProblems } from './redis-server.js'
import { redisSlots } from './redis-slots.js'
import { redisSubscription } from './redis-subscription.js'

/** Options of {@link redisStore}. */
export interface RedisStoreOptions {
  /**
   * A client of `ioredis` or of `redis`, both 5 or later, for one server or a cluster. It stays the caller's: the store never
   * connects or closes it. A client in subscriber mode does not do.
   */
  readonly client: RedisClient
  /**
   * The prefix of the keys: 1 to 100 letters, digits and `.`, `_`, `-`, `:`, such as `my-app`. Stores with different prefixes
   * share nothing. It is the hash tag of the keys: in a cluster, all lie in one slot, on one server.
   * @defaultValue `'sora-pipeline'`
   */
  readonly prefix?: string | undefined
  /**
   * How long runs are kept after they completed or failed, in milliseconds above 0. The saves of ended runs forget older ones, at
   * most once a minute for each store, as `prune` does.
   * @defaultValue until `prune` is called
   */
  readonly keepEndedMs?: number | undefined
  /**
   * How long an operation may take, in milliseconds above 0, with the wait for a connection; then it rejects. It may still
   * take effect later.
   * @defaultValue `10_000`
   */
  readonly timeoutMs?: number | undefined
}

/** A run store in Redis. */
export interface RedisStore extends Required<RunStore>, DiagnosableStore {
  /**
   * Marks the keys as those of a store, or upgrades those of an earlier version of the library. Call it before the first run; calling it
   * again changes nothing, and any number of processes may start at once.
   * @throws RunStateError, not retryable, for Redis before 6.2; retryable when the server does not answer.
   */
  migrate(): Promise<void>
  /**
   * Settings of the server with which the store cannot keep its promise: `appendonly yes`, `appendfsync always` and
   * `maxmemory-policy noeviction` are needed, on a primary server. Asks every primary server of a cluster. Empty when all is right;
   * a setting that the server does not show has the value `unknown`.
   */
  checkServer(): Promise<readonly ServerProblem[]>
}

/**
 * Makes a run store in Redis 6.2 or later, for any number of processes on any number of machines, over a client of `ioredis`
 * or `redis`. Call `migrate()` once at the start.
 *
 * **The settings matter.** With `appendonly yes`, `appendfsync always` and `maxmemory-policy noeviction`, a save is on the disk when
 * it resolves; `checkServer()` reports what is set otherwise. Replication is asynchronous whatever is set: a failover, also one of
 * Sentinel or a cluster, may lose the last saves, and with them the knowledge of a submission that was paid. Where that must not
 * happen, use `postgresStore`. An empty server is refused until `migrate()`, and a new run where others are missing.
 *
 * Every operation is one script, so it happens whole and alone. All keys of a store have one hash tag, and are named to each script, so a
 * cluster works; the store lies on one of its servers. The reads of `due` and `list` are ranges of sorted sets. Beats expire by the
 * clock of the server. A command that a client sends again after it lost the connection does nothing twice. The server must hold all
 * states and media in its memory.
 *
 * The store listens to `error` of the client, so that a lost connection does not end the process; the client connects again.
 *
 * Every method rejects with a `RunStateError` that is retryable when the server does not answer in `timeoutMs` or refuses the command,
 * such as for a full memory, and with one that is not when the store was not migrated, a later version of the library changed the
 * keys, runs are missing, the server is too old, or the state of the run is broken. Messages name no password and no connection string.
 *
 * @throws ConfigurationError when `client` is not such a client, `prefix` has another character, or a time is not above 0.
 *
 * @example
 * ```ts
 * import { SoraPipeline } from 'sora-pipeline'
 * import { type RedisClient, redisStore } from 'sora-pipeline/stores'
 *
 * // client: new Redis(process.env.REDIS_URL) of ioredis, or createClient({ url }) of redis after connect()
 * export async function openPipeline(client: RedisClient) {
 *   const store = redisStore({ client })
 *   await store.migrate()
 *   for (const { setting, value, fix } of await store.checkServer()) console.warn(`${setting} is ${value}: ${fix}`)
 *   const generator = { name: 'mock', generate: async () => ({ id: 'gen_1', url: 'https://cdn.example/a.mp4' }) }
 *   return new SoraPipeline({ generator, store })
 * }
 * ```
 */
export function redisStore(options: RedisStoreOptions): RedisStore {
  checkOptions('redisStore', options, RULES)
  const { client, prefix = 'sora-pipeline', keepEndedMs, timeoutMs = 10_000 } = options
  hearErrors(client)
  const place = `the Redis prefix ${prefix}`
  const work = serverWork({ place, timeoutMs })
  const connection = redisConnection(client)
  const run = scriptRunner(connection, prefix)
  return {
    ...serverStore({ operations: { ...redisOperations(run), ...redisSlots(run) }, work, place, keepEndedMs }),
    ...storedNotes(redisNotes(run), work),
    ...serverEvents(redisEvents(run, redisSubscription(client), prefix), work),
    durability: { kind: 'redis', survives: 'power-cut', sharedBy: 'many-machines' },
    migrate: () => work('migrate the store', prefix, () => migrateKeys(connection, prefix)),
    checkServer: () => work('check the server', prefix, () => serverProblems(connection)),
  }
}

const RULES: OptionRules<RedisStoreOptions> = {
  client: required(
    rule(
      isRedisClient,
      'give a client of ioredis, such as new Redis(), or of redis 5 or later, such as createClient()',
    ),
  ),
  prefix: rule(isPrefix, 'give 1 to 100 letters, digits and . _ - :'),
  keepEndedMs: number((value) => value > 0 && Number.isFinite(value), 'give milliseconds above 0'),
  timeoutMs: number((value) => value > 0 && value <= 2_147_483_647, 'give milliseconds above 0 and at most 2147483647'),
}

// No braces, which would make another hash tag.
function isPrefix(value: unknown): boolean {
  return typeof value === 'string' && /^[\w.:-]{1,100}$/.test(value)
}
