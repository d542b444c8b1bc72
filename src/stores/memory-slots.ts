import type { RunStore, SlotMethod } from '../contracts/run-store.js'
import { NO_SLOTS, type SlotTable, withKept, withRest, withTaken } from './slot-table.js'
import { slotQueryOf } from './store-input.js'

/** The places of limits, by a clock of this process. */
export function memorySlots(now: () => number): Required<Pick<RunStore, SlotMethod>> {
  const tables = new Map<string, SlotTable>()
  const tableOf = (limit: string) => tables.get(limit) ?? NO_SLOTS
  return {
    takeSlot: async (limit, holder, terms) => {
      const { table, answer } = withTaken(tableOf(limit), holder, slotQueryOf(terms), now())
      tables.set(limit, table)
      return answer
    },
    keepSlots: async (limit, holders, ttlMs) => {
      tables.set(limit, withKept(tableOf(limit), holders, ttlMs, now()))
    },
    restSlots: async (limit, ms) => {
      tables.set(limit, withRest(tableOf(limit), ms, now()))
    },
  }
}
