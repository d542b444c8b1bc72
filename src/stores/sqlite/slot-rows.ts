import { NO_SLOTS, type SlotTable, withKept, withRest, withTaken } from '../slot-table.ts'
import type { StoreOperations } from '../store-operations.ts'
import type { PreparedStatements } from './prepared-statements.ts'

/** The operations on the places of limits, by the clock of this machine. */
export function slotRows(sql: PreparedStatements): Pick<StoreOperations, 'takeSlot' | 'keepSlots' | 'restSlots'> {
  const tableOf = (limit: string): SlotTable => {
    const row = sql('SELECT slots FROM limits WHERE name = ?').get(limit)
    return row === undefined ? NO_SLOTS : (JSON.parse(String(row.slots)) as SlotTable)
  }
  const save = (limit: string, table: SlotTable) => {
    sql('INSERT OR REPLACE INTO limits (name, slots) VALUES (?, ?)').run(limit, JSON.stringify(table))
  }
  return {
    takeSlot(limit, holder, terms) {
      const { table, answer } = withTaken(tableOf(limit), holder, terms, Date.now())
      save(limit, table)
      return answer
    },
    keepSlots(limit, holders, ttlMs) {
      save(limit, withKept(tableOf(limit), holders, ttlMs, Date.now()))
    },
    restSlots(limit, ms) {
      save(limit, withRest(tableOf(limit), ms, Date.now()))
    },
  }
}
