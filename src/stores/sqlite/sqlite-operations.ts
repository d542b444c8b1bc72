import type { DatabaseSync } from 'node:sqlite'
import type { StoreOperations } from '../store-operations.ts'
import { beatRows } from './beat-rows.ts'
import { claimRows } from './claim-rows.ts'
import { forgottenRuns } from './forgotten-runs.ts'
import { mediaRows } from './media-rows.ts'
import { noteRows } from './note-rows.ts'
import { preparedStatements } from './prepared-statements.ts'
import { runPages } from './run-pages.ts'
import { runRows } from './run-rows.ts'
import { slotRows } from './slot-rows.ts'

/** All operations on an open database. Writes must be in a transaction. */
export function sqliteOperations(database: DatabaseSync): StoreOperations {
  const sql = preparedStatements(database)
  const claims = claimRows(sql)
  const beats = beatRows(sql)
  return {
    ...runRows(sql),
    ...runPages(sql),
    ...mediaRows(sql),
    ...noteRows(sql),
    ...slotRows(sql),
    ...forgottenRuns(sql, { claims, beats }),
    claim: claims.claim,
    heartbeat: beats.heartbeat,
    retire: beats.retire,
  }
}
