import type { Clock } from '../contracts/clock.js'
import type { StageContext } from '../contracts/stage.js'

/** Who may wait: for which members, and until the signal is aborted. */
export type LineContext = Pick<StageContext, 'clock' | 'signal' | 'report'>

/** A time in which a member is not to be called. */
export interface Rest {
  readonly ms: number
  /** Makes the error of a call that has no other member: it does not pass by waiting. Absent for what does. */
  readonly refusal?: (() => Error) | undefined
}

interface Member {
  readonly limit: number
  busy: number
  /** Counts all takings, so that the smallest is the longest ago. */
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
 * Places at several members that do the same work. Whoever asks is given the least busy one, or stands in line: first come, first
 * served, but nobody waits behind somebody who waits for another member.
 */
export class WaitingLine {
  readonly #members: readonly Member[]
  readonly #waiters = new Set<Waiter>()
  #takings = 0
  // Of whoever came last: to foresee, nobody's own is at hand.
  #clock: Clock | undefined
  #alarm: { readonly at: number; readonly off: AbortController } | undefined

  constructor(limits: readonly number[]) {
    this.#members = limits.map((limit) => {
      return { limit, busy: 0, takenAt: 0, restsUntil: Number.NEGATIVE_INFINITY, refusal: undefined }
    })
  }

  /** Which of the members somebody who asked now would be given, or most likely in time; nothing is taken. */
  foresee(members: readonly number[]): number {
    const now = this.#clock?.monotonic() ?? 0
    return this.#free(members, now) ?? this.#least(members) ?? 0
  }

  /** Takes a place at a member, free or not. */
  occupy(index: number): void {
    const member = this.#members[index] as Member
    this.#takings += 1
    member.takenAt = this.#takings
    member.busy += 1
  }

  /**
   * A place at one of the members, now or in time. Rejects with `signal.reason` itself after an abort.
   * @throws Error that the first of the members' rests makes, when all of them rest for what does not pass by waiting.
   */
  async take(members: readonly number[], context: LineContext): Promise<number> {
    const { clock, signal, report } = context
    signal.throwIfAborted()
    this.#clock = clock
    // Those who came first first: a rest may have ended just now.
    if (this.#waiters.size > 0) this.#serve()
    const index = this.#free(members, clock.monotonic())
    if (index !== undefined) {
      this.occupy(index)
      return index
    }
    const refusal = this.#refusal(members, clock.monotonic())
    if (refusal) throw refusal
    report({ phase: 'waiting' })
    return this.#wait(members, context)
  }

  /** Gives a place back. */
  release(index: number): void {
    const member = this.#members[index] as Member
    member.busy -= 1
    this.#serve()
  }

  /** Lets a member rest, from now on; a longer rest that it is in already stays. */
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

  // Wakes the line when the next rest ends; nothing sleeps while nobody waits.
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
      () => undefined, // Set anew, or nobody waits any more.
    )
  }

  #free(members: readonly number[], now: number): number | undefined {
    return this.#least(members, (member) => isFree(member, now))
  }

  // The least busy; in a tie the one that was taken longest ago.
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
