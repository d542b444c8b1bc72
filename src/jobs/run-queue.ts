import { Queue } from 'bullmq'
import { RunStateError } from '../contracts/run-errors.js'
import { withDeadline } from '../timing/deadline.js'
import { systemClock } from '../timing/system-clock.js'
import { queueFailure, type ReportError } from './queue-errors.js'
import { jobIdOf, jobOfRun, type RunJob } from './queue-job.js'
import type { QueueOptions } from './queue-options.js'
import { untilReady } from './until-ready.js'

const TIMEOUT_MS = 10_000
const CLOSE_MS = 2_000

/** Arguments for the classes of BullMQ: the name, where the queue is, and the kind of its server. */
export function queuePlace({ connection, backend, queueName = 'sora-pipeline', prefix }: QueueOptions) {
  return { name: queueName, place: { connection, ...(prefix !== undefined && { prefix }) }, backend }
}

/** The queue of runs: which run to advance, and when. It opens its connection when it is first used, and again after a failure. */
export class RunQueue {
  readonly #options: QueueOptions
  readonly #report: ReportError
  readonly #closed = Promise.withResolvers<never>()
  #opening: Promise<Queue<RunJob>> | undefined
  #isClosed = false

  constructor(options: QueueOptions, report: ReportError) {
    this.#options = options
    this.#report = report
    this.#closed.promise.catch(() => undefined)
  }

  /** Resolves when the server has answered. Rejects with the error of the driver. */
  async ready(): Promise<void> {
    await this.#open()
  }

  /** Adds a job for each run that has none. A job that is there stays unchanged. Rejects when the server is down. */
  add(runIds: readonly string[]): Promise<void> {
    return this.#call('add the runs to the queue', async (queue) => {
      if (runIds.length > 0) await queue.addBulk(runIds.map(jobOfRun))
    })
  }

  /**
   * Adds a job for each run that has none, after a look for it: BullMQ announces each job that is added again, which is as expensive
   * as a new one. Rejects when the server is down.
   */
  addMissing(runIds: readonly string[]): Promise<void> {
    return this.#call('add the runs to the queue', async (queue) => {
      const jobs = await Promise.all(runIds.map((id) => queue.getJob(jobIdOf(id))))
      const missing = runIds.filter((_, index) => jobs[index] === undefined)
      if (missing.length > 0) await queue.addBulk(missing.map(jobOfRun))
    })
  }

  /** Makes the job of a run due now, or adds one. Rejects when the server is down. */
  wake(runId: string): Promise<void> {
    return this.#call('wake the run in the queue', async (queue) => {
      const job = await queue.getJob(jobIdOf(runId))
      if (job === undefined) await queue.addBulk([jobOfRun(runId)])
      else if (await job.isDelayed()) await job.promote()
    })
  }

  /** Removes the job of a run, unless a worker has it. Rejects when the server is down. */
  remove(runId: string): Promise<void> {
    return this.#call('remove the run from the queue', async (queue) => {
      await queue.remove(jobIdOf(runId))
    })
  }

  /** Closes the connection, unless that is the caller's. A server that has not answered yet is not awaited. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#closed.reject(closedError())
    const queue = await this.#opening?.catch(() => undefined)
    if (queue) await closeSoon(queue)
  }

  async #call(action: string, operation: (queue: Queue<RunJob>) => Promise<void>): Promise<void> {
    try {
      const queue = await this.#open()
      await inTime(action, () => operation(queue))
    } catch (error) {
      throw queueFailure(action, error)
    }
  }

  #open(): Promise<Queue<RunJob>> {
    if (this.#isClosed) return Promise.reject(closedError())
    if (this.#opening === undefined) {
      const opening = this.#connect()
      opening.catch(() => {
        this.#opening = undefined
      })
      this.#opening = opening
    }
    return this.#opening
  }

  async #connect(): Promise<Queue<RunJob>> {
    const { name, place, backend } = queuePlace(this.#options)
    // BullMQ derives the types of the options from the backend, which is only known when the program runs.
    const queue = new Queue(name, place as never, backend as never) as Queue<RunJob>
    queue.on('error', (cause) => this.#report(queueFailure('reach the queue', cause)))
    try {
      await inTime('reach the queue', () => Promise.race([untilReady(queue), this.#closed.promise]))
      return queue
    } catch (error) {
      const closing = closeSoon(queue)
      if (this.#isClosed) await closing
      throw error
    }
  }
}

/** Closes a part of BullMQ; a server that is away must not hold the process. */
export async function closeSoon(part: { close(): Promise<void>; disconnect(): Promise<unknown> }): Promise<void> {
  if (!(await isDoneSoon(() => part.close()))) await isDoneSoon(() => part.disconnect())
}

// Both wait for a connection that is being made, for ever if need be.
async function isDoneSoon(action: () => Promise<unknown>): Promise<boolean> {
  const off = new AbortController()
  const done = action().then(
    () => true,
    () => false,
  )
  const late = systemClock.sleep(CLOSE_MS, { signal: off.signal }).then(
    () => false,
    () => true,
  )
  const isDone = await Promise.race([done, late])
  off.abort('closed')
  return isDone
}

function closedError(): RunStateError {
  const reason = 'the queue is closed'
  return new RunStateError(`Could not use the queue: ${reason}`, { isRetryable: true, reason })
}

function inTime<T>(action: string, operation: () => Promise<T>): Promise<T> {
  const reason = `no answer within ${TIMEOUT_MS} ms`
  const error = () =>
    new RunStateError(`Could not ${action}, the queue is down: ${reason}`, { isRetryable: true, reason })
  return withDeadline({ clock: systemClock, timeoutMs: TIMEOUT_MS, error }, operation)
}
