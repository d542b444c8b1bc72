import { RETAINED_MS } from '../../contracts/retained-run.ts'
import { retainedState } from '../retained-state.ts'
import type { StoreOperations } from '../store-operations.ts'
import type { BeatRows } from './beat-rows.ts'
import type { ClaimRows } from './claim-rows.ts'
import type { PreparedStatements } from './prepared-statements.ts'

// Fills the columns of ended states that library version 0.1.0 saved. A broken state counts as ended in 1970.
const READ_FIELDS = `
  UPDATE runs SET fields_version = version, worker = NULL,
    ended_at = CASE WHEN json_valid(state) THEN
      CASE WHEN json_type(state, '$.endedAt') IN ('integer', 'real') THEN state ->> '$.endedAt' ELSE 0 END ELSE 0 END,
    is_caller_id = CASE WHEN json_valid(state) THEN json_type(state, '$.isCallerId') IS 'true' ELSE 0 END
  WHERE status IN ('completed', 'failed') AND fields_version IS NOT version`

const SELECT_ENDED = `
  SELECT id, CASE WHEN is_caller_id = 1 AND ended_at > ? THEN state END AS retained_state FROM runs
  WHERE status IN ('completed', 'failed') AND retained_version IS NOT version AND ended_at < ? ORDER BY ended_at LIMIT ?`

const RETAIN = `
  UPDATE runs SET state = coalesce(?, state), wake_at = coalesce(?, wake_at), worker = NULL, scheduled_version = NULL,
    readings = NULL, retained_version = version
  WHERE id = ?`

/** Forgets ended runs. */
export function forgottenRuns(
  sql: PreparedStatements,
  { claims, beats }: { readonly claims: ClaimRows; readonly beats: BeatRows },
): Pick<StoreOperations, 'prune'> {
  const retain = (id: string, state: string) => {
    const retained = retainedState(state)
    sql(RETAIN).run(retained?.json ?? null, retained?.wakeAt ?? null, id)
    sql('DELETE FROM media_refs WHERE run_id = ?').run(id)
  }
  return {
    prune({ endedBefore, now, limit }) {
      sql(READ_FIELDS).run()
      const ended = sql(SELECT_ENDED).all(now - RETAINED_MS, endedBefore, limit)
      for (const { id, retained_state } of ended) {
        if (retained_state !== null) retain(String(id), String(retained_state))
        else sql('DELETE FROM runs WHERE id = ?').run(String(id))
        claims.release(String(id), now)
      }
      sql('DELETE FROM runs WHERE retained_version = version AND ended_at <= ?').run(now - RETAINED_MS)
      claims.sweep(now - RETAINED_MS)
      // Beats use the clock of this machine, not the time that the caller passes.
      beats.sweep(Date.now() - RETAINED_MS)
      return ended.length
    },
  }
}
