import type { ServerOperations } from '../server-store.js'
import type { DueQuery, ListQuery } from '../store-operations.js'
import type { Sql } from './postgres-queries.js'
import { NOW_MS } from './postgres-runs.js'

/** The operations that give pages of ids, each read from an index. */
export function postgresPages(sql: Sql, schema: string): Pick<ServerOperations, 'due' | 'list'> {
  return {
    async due(query) {
      const { text, values } = dueStatement(schema, query)
      return (await sql(text, values)).map(({ id }) => String(id))
    },

    async list(query) {
      const { text, values } = listStatement(schema, query)
      return (await sql(text, values)).map(({ id }) => String(id))
    },
  }
}

/** A statement and its values. */
export interface Statement {
  readonly text: string
  readonly values: readonly unknown[]
}

/** The statement of a page of runs that are due. Nothing is beyond a run that is missing: a comparison with NULL. */
export function dueStatement(schema: string, { before, limit, after, isFree }: DueQuery): Statement {
  const last = (column: string) => `(SELECT ${column} FROM ${schema}.runs WHERE id = $3 AND status = 'running')`
  const place = `AND (wake_at, id) > (${last('wake_at')}, ${last('id')})`
  const held = `(SELECT 1 FROM ${schema}.beats WHERE beats.worker = runs.worker AND expires_at > ${NOW_MS})`
  return {
    text: `SELECT id FROM ${schema}.runs WHERE status = 'running' AND wake_at <= $1::float8
      ${after === undefined ? '' : place} ${isFree ? `AND NOT EXISTS ${held}` : ''}
      ORDER BY wake_at, id LIMIT $2::bigint`,
    values: [before, limit, ...(after === undefined ? [] : [after])],
  }
}

/** The statement of a page of a list. */
export function listStatement(schema: string, { owner, order, after, withRemoved, limit }: ListQuery): Statement {
  const [beyond, direction] = order === 'newest-first' ? ['<', 'DESC'] : ['>', 'ASC']
  const values: unknown[] = [limit]
  const given = (value: unknown) => `$${values.push(value)}`
  const conditions = ['true']
  if (!withRemoved) conditions.push('removed_at IS NULL')
  if (owner !== undefined) conditions.push(`owner = ${given(owner)}`)
  if (after !== undefined) {
    const last = given(after)
    const of = (column: string) => `(SELECT ${column} FROM ${schema}.runs WHERE id = ${last})`
    conditions.push(`(started_at, id) ${beyond} (${of('started_at')}, ${of('id')})`)
  }
  return {
    text: `SELECT id FROM ${schema}.runs WHERE ${conditions.join(' AND ')}
      ORDER BY started_at ${direction}, id ${direction} LIMIT $1::bigint`,
    values,
  }
}
