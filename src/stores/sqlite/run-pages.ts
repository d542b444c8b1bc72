import type { DueQuery, ListQuery, StoreOperations } from '../store-operations.ts'
import type { PreparedStatements } from './prepared-statements.ts'

// A run whose worker has a beat that lasts; the `worker` column counts only for the version that wrote it.
const IS_HELD = `fields_version = version AND EXISTS
  (SELECT 1 FROM beats WHERE beats.worker = runs.worker AND beats.expires_at > ?)`

/** The operations that return pages of ids, each read from an index. */
export function runPages(sql: PreparedStatements): Pick<StoreOperations, 'due' | 'list'> {
  return {
    due({ before, limit, after, isFree }) {
      const rows = sql(dueStatement({ after, isFree })).all(
        before,
        ...(after === undefined ? [] : [after]),
        ...(isFree ? [Date.now()] : []),
        limit,
      )
      return rows.map(({ id }) => String(id))
    },

    list({ owner, order, after, withRemoved, limit }) {
      const texts = [owner, after].filter((text) => text !== undefined)
      const rows = sql(listStatement({ owner, order, after, withRemoved })).all(...texts, limit)
      return rows.map(({ id }) => String(id))
    },
  }
}

// In both statements no run comes after a missing one, because a comparison with NULL is never true.
function dueStatement({ after, isFree }: Pick<DueQuery, 'after' | 'isFree'>): string {
  const place = "AND (wake_at, id) > (SELECT wake_at, id FROM runs WHERE id = ? AND status = 'running')"
  return `SELECT id FROM runs WHERE status = 'running' AND wake_at <= ? ${after === undefined ? '' : place}
    ${isFree ? `AND NOT (${IS_HELD})` : ''} ORDER BY wake_at, id LIMIT ?`
}

function listStatement({ owner, order, after, withRemoved }: Omit<ListQuery, 'limit'>): string {
  const [beyond, direction] = order === 'newest-first' ? ['<', 'DESC'] : ['>', 'ASC']
  const place = `AND (started_at, id) ${beyond} (SELECT started_at, id FROM runs WHERE id = ?)`
  return `SELECT id FROM runs WHERE ${withRemoved ? 'TRUE' : 'removed_at IS NULL'} ${owner === undefined ? '' : 'AND owner = ?'}
    ${after === undefined ? '' : place} ORDER BY started_at ${direction}, id ${direction} LIMIT ?`
}
