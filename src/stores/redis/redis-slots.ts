import type { ServerOperations } from '../server-store.js'
import type { RunScript } from './redis-operations.js'
import { KEEP_SLOTS, REST_SLOTS, TAKE_SLOT } from './slot-scripts.js'

/** The operations on the places of limits. */
export function redisSlots(run: RunScript): Pick<ServerOperations, 'takeSlot' | 'keepSlots' | 'restSlots'> {
  return {
    async takeSlot(limit, holder, { most, ttlMs, jobs, perMs }) {
      const waitMs = Number(await run(TAKE_SLOT, [limit, holder, ...[most, ttlMs, jobs, perMs].map(String)]))
      return { isTaken: waitMs < 0, waitMs: Math.max(0, waitMs) }
    },
    async keepSlots(limit, holders, ttlMs) {
      await run(KEEP_SLOTS, [limit, String(ttlMs), JSON.stringify(holders)])
    },
    async restSlots(limit, ms) {
      await run(REST_SLOTS, [limit, String(ms)])
    },
  }
}
