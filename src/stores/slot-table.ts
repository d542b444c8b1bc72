import type { SlotAnswer } from '../contracts/shared-slots.ts'
import type { SlotQuery } from './store-operations.ts'

/** The places of one limit: JSON, with times in milliseconds by the clock of the store. */
export interface SlotTable {
  /** Holders, with the end of their places. */
  readonly holders: readonly (readonly [string, number])[]
  /** When the latest places were given, ascending. */
  readonly starts: readonly number[]
  readonly restsUntil: number
}

/** A limit that no one has used. */
export const NO_SLOTS: SlotTable = { holders: [], starts: [], restsUntil: Number.MIN_SAFE_INTEGER }

/** Gives a holder a place, or extends the one that it has. */
export function withTaken(
  table: SlotTable,
  holder: string,
  { most, ttlMs, jobs, perMs }: SlotQuery,
  now: number,
): { readonly table: SlotTable; readonly answer: SlotAnswer } {
  const { restsUntil } = table
  const live = table.holders.filter(([, until]) => until > now)
  const others = live.filter(([other]) => other !== holder)
  const starts = table.starts.filter((at) => at > now - perMs)
  const isKept = others.length < live.length
  if (isKept || (restsUntil <= now && live.length < most && starts.length < jobs)) {
    const holders = [...others, [holder, now + ttlMs] as const]
    return {
      table: { holders, starts: isKept ? starts : [...starts, now], restsUntil },
      answer: { isTaken: true, waitMs: 0 },
    }
  }
  const [first = now] = starts
  const rateMs = starts.length < jobs ? 0 : first + perMs - now
  const waitMs = Math.max(0, restsUntil - now, rateMs)
  return { table: { holders: live, starts, restsUntil }, answer: { isTaken: false, waitMs } }
}

/** Extends the places of holders, or frees them with 0. */
export function withKept(table: SlotTable, holders: readonly string[], ttlMs: number, now: number): SlotTable {
  const others = table.holders.filter(([holder, until]) => until > now && !holders.includes(holder))
  const kept = ttlMs > 0 ? [...new Set(holders)].map((holder) => [holder, now + ttlMs] as const) : []
  return { ...table, holders: [...others, ...kept] }
}

/** Gives no place for a time; a longer rest stays. */
export function withRest(table: SlotTable, ms: number, now: number): SlotTable {
  return { ...table, restsUntil: Math.max(table.restsUntil, now + ms) }
}
