import { setTimeout as sleep } from 'node:timers/promises'
import { codeOfFailure } from '../state-failure.js'
import { checkSchema, notMigrated } from './postgres-migration.js'
import type { PostgresPool } from './postgres-pool.js'

/** One row of an answer, by column. */
export type Row = Readonly<Record<string, unknown>>

/** Sends one statement with its values, and gives the rows. */
export type Sql = (text: string, values?: readonly unknown[]) => Promise<readonly Row[]>

// A serialization failure and a deadlock: the statement had no effect.
const WITHOUT_EFFECT = ['40001', '40P01']
const MOST_ATTEMPTS = 20
const LONGEST_WAIT_MS = 20

// An undefined table, column or schema.
const UNDEFINED = ['42P01', '42703', '3F000']

const heard = new WeakSet<object>()

/**
 * Sends the statements of a store. The first one checks that the schema is there and that this version of the library may use it. Every
 * statement is a transaction of its own, without a name and without a state of the session: a pooler in between may change the
 * connection with each.
 */
export function postgresQueries(pool: PostgresPool, schema: string): Sql {
  let checked: Promise<void> | undefined
  const check = () => {
    checked ??= checkSchema(pool, schema).catch((error: unknown) => {
      checked = undefined
      throw error
    })
    return checked
  }
  return async (text, values = []) => {
    try {
      await check()
      return await repeated(pool, text, values)
    } catch (error) {
      if (!UNDEFINED.includes(String(codeOfFailure(error)))) throw error
      // The schema was dropped since; a later operation may find it again.
      checked = undefined
      throw notMigrated(schema)
    }
  }
}

/**
 * Hears the errors of idle connections, which the pool replaces: without a listener each ends the process. Listeners of the caller still
 * hear them.
 */
export function hearErrors(pool: PostgresPool): void {
  if (heard.has(pool)) return
  heard.add(pool)
  pool.on('error', () => undefined)
}

async function repeated(pool: PostgresPool, text: string, values: readonly unknown[]): Promise<readonly Row[]> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      const { rows } = await pool.query(text, [...values])
      return rows as readonly Row[]
    } catch (error) {
      if (attempt === MOST_ATTEMPTS || !WITHOUT_EFFECT.includes(String(codeOfFailure(error)))) throw error
      await sleep(Math.random() * LONGEST_WAIT_MS)
    }
  }
}
