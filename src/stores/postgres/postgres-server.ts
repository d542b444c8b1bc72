import type { ServerProblem } from '../../contracts/diagnosable-store.js'
import { RunStateError } from '../../contracts/run-errors.js'
import type { PostgresPool } from './postgres-pool.js'

const OLDEST = { number: 130_000, name: '13' }

const FACTS = `
  SELECT current_setting('server_version_num') AS number, current_setting('server_version') AS version,
    current_setting('server_encoding') AS encoding, current_setting('fsync') AS fsync,
    current_setting('full_page_writes') AS full_page_writes, current_setting('synchronous_commit') AS synchronous_commit,
    CASE WHEN pg_is_in_recovery() THEN 'on' ELSE current_setting('transaction_read_only') END AS transaction_read_only`

type ServerFacts = Readonly<Record<string, string>>

/** Version and settings of a server, as the connections of the pool have them. */
export async function serverFacts(pool: PostgresPool): Promise<ServerFacts> {
  const { rows } = await pool.query(FACTS)
  return rows[0] as ServerFacts
}

/** Settings with which what the store confirmed may be lost, or which it cannot work with. */
export function serverProblems(facts: ServerFacts): readonly ServerProblem[] {
  const { fsync, full_page_writes, synchronous_commit, transaction_read_only } = facts
  const settings: readonly (readonly [string, string | undefined, boolean, string])[] = [
    ['fsync', fsync, fsync === 'on', 'set fsync to on: a crash of the machine may lose or break what was saved'],
    ['full_page_writes', full_page_writes, full_page_writes === 'on', 'set full_page_writes to on'],
    [
      'synchronous_commit',
      synchronous_commit,
      synchronous_commit !== 'off',
      'set synchronous_commit to on for this role or database: a crash may lose what was saved last',
    ],
    [
      'transaction_read_only',
      transaction_read_only,
      transaction_read_only === 'off',
      'connect to the primary server, and leave default_transaction_read_only off',
    ],
  ]
  const wrong = settings.filter(([, , isRight]) => !isRight)
  return [...unusable(facts), ...wrong.map(([setting, value = '', , fix]) => ({ setting, value, fix }))]
}

/**
 * Refuses a server that the store cannot work with.
 * @throws RunStateError, not retryable.
 */
export function refuseServer(facts: ServerFacts): void {
  const [problem] = unusable(facts)
  if (problem === undefined) return
  const { setting, value, fix } = problem
  const reason = `the ${setting} of Postgres`
  throw new RunStateError(`Could not use the store, the ${setting} of Postgres is: ${value}; ${fix}`, { reason })
}

function unusable({ number, version = '', encoding = '' }: ServerFacts): readonly ServerProblem[] {
  const isOld = Number(number) < OLDEST.number
  return [
    ...(isOld ? [{ setting: 'server_version', value: version, fix: `use PostgreSQL ${OLDEST.name} or later` }] : []),
    ...(encoding === 'UTF8'
      ? []
      : [{ setting: 'server_encoding', value: encoding, fix: "create the database with ENCODING 'UTF8'" }]),
  ]
}
