import type { Clock } from '../contracts/clock.js'
import type { StageContext } from '../contracts/stage.js'

/** Context of a waiting call. It waits until a place is free or the signal is aborted. */
export type LineContext = Pick<StageContext, 'clock' | 'signal' | 'report'>

/** A period in which a member must not be called. */
export interface Rest {
  readonly ms: number
  /** Creates the error of a call that has no other member. Only for a cause that waiting does not remove. */
  readonly refusal?: (() => Error) | undefined
  /** Whether the upstream asked for it, so that it concerns other processes as well. */
  readonly isForAll?: boolean | undefined
}

/** What the strategies of `balance` do at one moment. */
export interface BalanceStats {
  /** Calls, or jobs of a generator, that wait for a place. */
  readonly waiting: number
  /** One entry for each strategy, in order. */
  readonly strategies: readonly BalancedStrategyStats[]
}

/** What one strategy of `balance` does at one moment. */
export interface BalancedStrategyStats {
  /** Name of the strategy. */
  readonly name: string
  /** Calls, or jobs of a generator, in progress. */
  readonly busy: number
  /** How many may be in progress at the same time; `Infinity` without a limit. */
  readonly limit: number
  /** How long the strategy stays suspended, in milliseconds; 0 if it is not. */
  readonly suspendedMs: number
}

interface Member {
  readonly limit: number
  busy: number
  /** Sequence number of the last use: the smallest is the least recent. */
  takenAt: number
  /** On the monotonic clock. */
  restsUntil: number
  refusal: (() => Error) | undefined
}

interface Waiter {
  readonly members: readonly number[]
  readonly clock: Clock
  take(index: number): void
  reject(error: unknown): void
}

/**
 * A queue for places at several members that do the same work. A call gets the least busy member, or waits: first in, first out,
 * but no call waits behind one that waits for another member.
 */
export class WaitingLine {
  readonly #members: readonly Member[]
  readonly #waiters = new Set<Waiter>()
  #takings = 0
  // The clock of the latest call, for forecasts, which have no context.
  #clock: Clock | undefined
  #alarm: { readonly at: number; readonly off: AbortController } | undefined

  constructor(limits: readonly number[]) {
    this.#members = limits.map((limit) => {
      return { limit, busy: 0, takenAt: 0, restsUntil: Number.NEGATIVE_INFINITY, refusal: undefined }
    })
  }

  /** The member that a call would get now, or is most likely to get later; takes no place. */
  foresee(members: readonly number[]): number {
    const now = this.#clock?.monotonic() ?? 0
    return this.#free(members, now) ?? this.#least(members) ?? 0
  }

  /** The members under their names, and how many calls wait. */
  stats(names: readonly string[]): BalanceStats {
    // Before the first call nothing is suspended.
    const now = this.#clock?.monotonic() ?? 0
    const strategies = this.#members.map(({ busy, limit, restsUntil }, index) => {
      return { name: names[index] ?? '', busy, limit, suspendedMs: Math.max(0, restsUntil - now) }
    })
    return { waiting: this.#waiters.size, strategies }
  }

  /** Takes a place at a member, even if it is busy. */
  occupy(index: number): void {
    const member = this.#members[index] as Member
    this.#takings += 1
    member.takenAt = this.#takings
    member.busy += 1
  }

  /**
   * Waits for a place at one of the members. Rejects with `signal.reason` itself after an abort.
   * @throws the error of the first member's rest, when all members rest for a cause that waiting does not remove.
   */
  async take(members: readonly number[], context: LineContext): Promise<number> {
    return this.takeNow(members, context) ?? this.#wait(members, context)
  }

  /**
   * A place at one of the members; `undefined` if none is free. Throws what `take` rejects with.
   */
  takeNow(members: readonly number[], { clock, signal, report }: LineContext): number | undefined {
    signal.throwIfAborted()
    this.#clock = clock
    // Earlier calls first: a rest may have ended just now.
    if (this.#waiters.size > 0) this.#serve()
    const index = this.#free(members, clock.monotonic())
    if (index !== undefined) {
      this.occupy(index)
      return index
    }
    const refusal = this.#refusal(members, clock.monotonic())
    if (refusal) throw refusal
    report({ phase: 'waiting' })
    return undefined
  }

  /** How long all of the members rest, in milliseconds; 0 if one does not. */
  restMs(members: readonly number[], clock: Clock): number {
    const ends = members.map((index) => (this.#members[index] as Member).restsUntil - clock.monotonic())
    return Math.max(0, Math.min(...ends))
  }

  /** Releases a place. */
  release(index: number): void {
    const member = this.#members[index] as Member
    member.busy -= 1
    this.#serve()
  }

  /** Suspends a member from now on; a longer rest in progress stays. */
  rest(index: number, { ms, refusal }: Rest, clock: Clock): void {
    const member = this.#members[index] as Member
    const until = clock.monotonic() + ms
    if (until <= member.restsUntil) return
    member.restsUntil = until
    member.refusal = refusal
    for (const waiter of this.#waiters) {
      const error = this.#refusal(waiter.members, waiter.clock.monotonic())
      if (error) waiter.reject(error)
    }
    this.#setAlarm()
  }

  #wait(members: readonly number[], { clock, signal }: LineContext): Promise<number> {
    return new Promise((resolve, reject) => {
      const leave = () => {
        this.#waiters.delete(waiter)
        signal.removeEventListener('abort', abort)
        if (this.#waiters.size === 0) this.#setAlarm()
      }
      const waiter: Waiter = {
        members,
        clock,
        take: (index) => {
          this.occupy(index)
          leave()
          resolve(index)
        },
        reject: (error) => {
          leave()
          reject(error)
        },
      }
      const abort = () => waiter.reject(signal.reason)
      signal.addEventListener('abort', abort, { once: true })
      this.#waiters.add(waiter)
      this.#setAlarm()
    })
  }

  #serve(): void {
    for (const waiter of this.#waiters) {
      const now = waiter.clock.monotonic()
      if (!this.#members.some((member) => isFree(member, now))) break
      const index = this.#free(waiter.members, now)
      if (index !== undefined) waiter.take(index)
    }
    this.#setAlarm()
  }

  // Wakes the queue when the next rest ends; no timer runs while the queue is empty.
  #setAlarm(): void {
    const [first] = this.#waiters
    const now = first?.clock.monotonic() ?? 0
    const ends = this.#members.map(({ restsUntil }) => restsUntil).filter((end) => end > now)
    const at = first ? Math.min(...ends) : Number.POSITIVE_INFINITY
    if (at === (this.#alarm?.at ?? Number.POSITIVE_INFINITY)) return
    this.#alarm?.off.abort()
    this.#alarm = undefined
    if (first === undefined || at === Number.POSITIVE_INFINITY) return
    const alarm = { at, off: new AbortController() }
    this.#alarm = alarm
    first.clock.sleep(at - now, { signal: alarm.off.signal }).then(
      () => {
        this.#alarm = undefined
        this.#serve()
      },
      () => undefined, // The timer was set again, or the queue is empty.
    )
  }

  #free(members: readonly number[], now: number): number | undefined {
    return this.#least(members, (member) => isFree(member, now))
  }

  // The least busy member; in a tie the least recently used one.
  #least(members: readonly number[], fits: (member: Member) => boolean = () => true): number | undefined {
    let best: number | undefined
    for (const index of members) {
      const member = this.#members[index] as Member
      if (!fits(member)) continue
      const rival = best === undefined ? undefined : (this.#members[best] as Member)
      const isBetter =
        rival === undefined ||
        member.busy < rival.busy ||
        (member.busy === rival.busy && member.takenAt < rival.takenAt)
      if (isBetter) best = index
    }
    return best
  }

  #refusal(members: readonly number[], now: number): Error | undefined {
    let first: Member | undefined
    for (const index of members) {
      const member = this.#members[index] as Member
      if (member.restsUntil <= now || member.refusal === undefined) return undefined
      first ??= member
    }
    return first?.refusal?.()
  }
}

function isFree({ busy, limit, restsUntil }: Member, now: number): boolean {
  return busy < limit && restsUntil <= now
}
