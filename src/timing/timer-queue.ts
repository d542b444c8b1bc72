// The longest delay of a Node timer; a longer wait uses several timers.
const LONGEST_TIMER_MS = 2_147_483_647

type ProcessTimer = ReturnType<typeof setTimeout>

/** A timer that has not rung yet. */
export interface QueuedTimer {
  /** Removes it. Does nothing after it has rung. */
  stop(): void
}

/**
 * Any number of timers, such as the waits and deadlines of all runs of a pipeline, on one timer of the process. None rings early;
 * those that are due together ring together. Timers wait in a binary heap, so that a deadline that is far away and is stopped
 * costs one entry and leaves nothing behind.
 */
export class TimerQueue {
  /** The earliest one first; the children of entry n are 2n + 1 and 2n + 2. */
  readonly #entries: Entry[] = []
  #isHolding: boolean
  #count = 0
  #isRinging = false
  #timer: ProcessTimer | undefined
  #ringsAt = Number.POSITIVE_INFINITY
  // Fake timers of a test may replace the global functions while a timer waits: each timer is stopped by its own kind.
  #startTimer: typeof setTimeout = setTimeout
  #stopTimer: typeof clearTimeout = clearTimeout

  /** @param isHolding - Whether a waiting timer keeps the process alive. */
  constructor(isHolding: boolean) {
    this.#isHolding = isHolding
  }

  /** Calls once, `ms` milliseconds from now; never in the same turn of the event loop. `Infinity` waits until it is stopped. */
  add(ms: number, ring: () => void): QueuedTimer {
    const now = performance.now()
    const dueAt = now + Math.max(0, ms)
    const entry = new Entry(this, dueAt, this.#count, ring)
    this.#count += 1
    this.#raise(entry, this.#entries.length)
    this.#arm(now)
    return entry
  }

  /** Removes an entry that waits. */
  remove({ index }: Entry): void {
    const last = this.#entries.pop() as Entry
    if (index < this.#entries.length) {
      this.#raise(last, index)
      this.#sink(last)
    }
    // An early timer of the process finds out that nothing is due; without entries none must be left.
    if (this.#entries.length === 0) this.#disarm()
  }

  /** From now on no timer keeps the process alive, neither a waiting one nor a later one. */
  release(): void {
    this.#isHolding = false
    loosen(this.#timer)
  }

  #arm(now: number): void {
    const first = this.#entries[0]
    if (first === undefined || this.#isRinging) return
    const isOfNow = this.#startTimer === setTimeout
    if (this.#timer !== undefined && isOfNow && this.#ringsAt <= first.dueAt) return
    this.#disarm()
    const ms = Math.min(Math.ceil(first.dueAt - now), LONGEST_TIMER_MS)
    this.#ringsAt = first.dueAt
    this.#startTimer = setTimeout
    this.#stopTimer = clearTimeout
    this.#timer = setTimeout(this.#ring, Math.max(0, ms))
    if (!this.#isHolding) loosen(this.#timer)
  }

  #disarm(): void {
    if (this.#timer === undefined) return
    const stop = this.#stopTimer
    stop(this.#timer)
    this.#timer = undefined
  }

  readonly #ring = (): void => {
    this.#timer = undefined
    this.#isRinging = true
    const now = performance.now()
    // A timer that is added meanwhile rings in a later turn.
    const count = this.#count
    try {
      for (
        let first = this.#entries[0];
        first && first.dueAt <= now && first.number < count;
        first = this.#entries[0]
      ) {
        first.stop()
        first.ring()
      }
    } finally {
      this.#isRinging = false
      this.#arm(performance.now())
    }
  }

  // Puts an entry at a free place, or above it.
  #raise(entry: Entry, from: number): void {
    let index = from
    while (index > 0) {
      const above = (index - 1) >> 1
      const parent = this.#entries[above] as Entry
      if (!isBefore(entry, parent)) break
      this.#put(parent, index)
      index = above
    }
    this.#put(entry, index)
  }

  #sink(entry: Entry): void {
    let { index } = entry
    for (;;) {
      const left = 2 * index + 1
      const first = this.#entries[left]
      if (first === undefined) break
      const second = this.#entries[left + 1]
      const child = second !== undefined && isBefore(second, first) ? second : first
      if (!isBefore(child, entry)) break
      const { index: below } = child
      this.#put(child, index)
      index = below
    }
    this.#put(entry, index)
  }

  #put(entry: Entry, index: number): void {
    this.#entries[index] = entry
    entry.index = index
  }
}

const GONE = -1

class Entry implements QueuedTimer {
  index = GONE
  readonly #queue: TimerQueue
  readonly dueAt: number
  /** In the order of the calls: of two that are due at the same instant, the first one rings first. */
  readonly number: number
  readonly ring: () => void

  constructor(queue: TimerQueue, dueAt: number, number: number, ring: () => void) {
    this.#queue = queue
    this.dueAt = dueAt
    this.number = number
    this.ring = ring
  }

  stop(): void {
    if (this.index === GONE) return
    this.#queue.remove(this)
    this.index = GONE
  }
}

function isBefore(one: Entry, other: Entry): boolean {
  return one.dueAt < other.dueAt || (one.dueAt === other.dueAt && one.number < other.number)
}

// Outside Node a timer is a number, and does not keep the process alive.
function loosen(timer: ProcessTimer | undefined): void {
  if (typeof timer === 'object') timer.unref()
}
