import { flawOfStatus } from '../../calling/result-flaws.js'
import type { Clock } from '../../contracts/clock.js'
import type { Generator, TaskStatus } from '../../contracts/generator.js'
import { jsonCopy } from '../../contracts/is-json.js'
import type { JsonValue } from '../../contracts/json.js'
import type { StageContext } from '../../contracts/stage.js'
import { fieldOf, lengthOf } from '../../contracts/thrown-value.js'
import { NetworkError } from '../../contracts/upstream-errors.js'
import { withDeadline } from '../../timing/deadline.js'
import type { HasSignal } from '../../timing/lazy-signal.js'
import { isListing, type ListingGenerator, LONGEST_FROM_LISTS_MS } from './swept-job.js'

/** A job that is due for a poll. */
export interface DueJob {
  readonly generator: Generator
  readonly operation: JsonValue
  readonly runId: string
  /** When the job was accepted, in the time of its run. */
  readonly startedAt: number
  /** Aborted when the run no longer waits. */
  readonly signal: AbortSignal
}

// With fewer, one list costs the upstream as much as their polls.
const LEAST_JOBS = 10
// While some wait for a slow answer, others may become due; past this many sweeps at once, jobs are polled alone.
const MOST_AT_ONCE = 4
// The time limit of a poll.
const SWEEP_TIMEOUT_MS = 30_000
const PAUSE_MS = 60_000
const ONCE = { once: true } as const
// As it was when this module was loaded: fake timers of a test runner, which may replace it later, run only when the test moves
// them.
const inNextTurn: (call: () => void) => unknown =
  typeof setImmediate === 'function' ? setImmediate : (call) => setTimeout(call, 0)

/**
 * The polls of jobs that are due in the same turn of the event loop: with ten or more of one generator, one call of its `pollMany`
 * replaces them. A list is never more than the answer of a poll that found the job pending: every other job is polled alone.
 */
export class PollSweeps {
  readonly #clock: Clock
  readonly #open = new Map<Generator, Sweep>()
  readonly #running = new WeakMap<Generator, number>()
  readonly #pausedUntil = new WeakMap<Generator, number>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /**
   * Waits for the status of a pending job from a sweep. Resolves to `undefined` when the job must be polled alone; rejects only
   * with `signal.reason`.
   * @returns `undefined` at once if no sweep is possible now.
   */
  join(job: DueJob): Promise<TaskStatus | undefined> | undefined {
    const { generator } = job
    if (!isListing(generator) || this.#clock.monotonic() < (this.#pausedUntil.get(generator) ?? 0)) return undefined
    if ((this.#running.get(generator) ?? 0) >= MOST_AT_ONCE) return undefined
    let sweep = this.#open.get(generator)
    if (sweep === undefined) {
      const opened = new Sweep()
      this.#open.set(generator, opened)
      inNextTurn(() => void this.#close(generator, opened))
      sweep = opened
    }
    return sweep.add(job)
  }

  async #close(generator: ListingGenerator, sweep: Sweep): Promise<void> {
    this.#open.delete(generator)
    const { jobs } = sweep
    const isWorthIt = jobs.length >= LEAST_JOBS
    sweep.answer(jobs, isWorthIt ? await this.#statusesOf(generator, sweep, jobs) : [])
  }

  async #statusesOf(generator: ListingGenerator, sweep: Sweep, jobs: readonly DueJob[]) {
    this.#running.set(generator, (this.#running.get(generator) ?? 0) + 1)
    let statuses: readonly unknown[] = []
    try {
      statuses = await this.#ask(generator, sweep, jobs)
    } catch {
      // It costs no job a poll: all of them are polled alone, and those polls report what is wrong.
    } finally {
      this.#running.set(generator, (this.#running.get(generator) ?? 1) - 1)
    }
    const listed = statuses.filter((status) => status !== undefined && status !== null).length
    const isWanted = !sweep.signal.aborted
    if (isWanted && listed * 2 < jobs.length) this.#pausedUntil.set(generator, this.#clock.monotonic() + PAUSE_MS)
    return statuses
  }

  async #ask(generator: ListingGenerator, sweep: Sweep, jobs: readonly DueJob[]): Promise<readonly unknown[]> {
    const clock = this.#clock
    const error = () => new NetworkError(`Could not list the jobs, no answer within: ${SWEEP_TIMEOUT_MS} ms`)
    // Copies, because the generator may change them.
    const operations = jobs.map(({ operation }) => jsonCopy(operation))
    const call = (limit: HasSignal) => generator.pollMany(operations, contextOf(jobs[0]?.runId ?? '', clock, limit))
    const given: unknown = await withDeadline({ clock, signal: sweep.signal, timeoutMs: SWEEP_TIMEOUT_MS, error }, call)
    // With another length it is unknown whose status is whose.
    if (lengthOf(given) !== jobs.length) return []
    return jobs.map((_, index) => fieldOf(given, index))
  }
}

/** Jobs that are due together. */
class Sweep {
  readonly #waiting = new Map<DueJob, (status: TaskStatus | undefined) => void>()
  readonly #left = new AbortController()

  /** Aborted when no run waits any more. */
  get signal(): AbortSignal {
    return this.#left.signal
  }

  /** The newest first, as upstreams list them. */
  get jobs(): readonly DueJob[] {
    return [...this.#waiting.keys()].sort((one, other) => other.startedAt - one.startedAt)
  }

  add(job: DueJob): Promise<TaskStatus | undefined> {
    const { signal } = job
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason)
      const leave = () => {
        this.#waiting.delete(job)
        reject(signal.reason)
        if (this.#waiting.size === 0) this.#left.abort(signal.reason)
      }
      signal.addEventListener('abort', leave, ONCE)
      this.#waiting.set(job, (status) => {
        signal.removeEventListener('abort', leave)
        resolve(status)
      })
    })
  }

  answer(jobs: readonly DueJob[], statuses: readonly unknown[]): void {
    for (const [index, job] of jobs.entries()) this.#waiting.get(job)?.(pendingIn(statuses[index]))
    this.#waiting.clear()
  }
}

// Only a pending job: an end is believed only when the job itself reports it. Its hint does not keep the job from being polled
// alone in time.
function pendingIn(status: unknown): TaskStatus | undefined {
  if (flawOfStatus(status) !== undefined) return undefined
  const pending = status as TaskStatus
  if (pending.state !== 'queued' && pending.state !== 'running') return undefined
  const { pollAfterMs = 0 } = pending
  return pollAfterMs > LONGEST_FROM_LISTS_MS ? { ...pending, pollAfterMs: LONGEST_FROM_LISTS_MS } : pending
}

// A sweep belongs to no run, so nothing reports or warns.
function contextOf(runId: string, clock: Clock, limit: HasSignal): StageContext {
  return {
    runId,
    get signal() {
      return limit.signal
    },
    clock,
    report() {},
  }
}
