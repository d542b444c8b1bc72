import assert from 'node:assert/strict'
import type { Clock } from '../../contracts/clock.js'
import { isSoraPipelineError, toErrorJson } from '../../contracts/errors.js'
import { type FakeContext, fakeContext } from '../fake-context.js'
import { hurriedClock } from './hurried-clock.js'

/** The operations of one case on its subject: calls within a time limit, and the assertions that all stages share. */
export interface Trial {
  /** A new context with its own run id and key. */
  context(options?: {
    readonly signal?: AbortSignal | undefined
    readonly runId?: string
    readonly callbackUrl?: string
  }): FakeContext<Clock>
  /** Settles like the promise; an assertion error when that takes too long. */
  settle<T>(promise: Promise<T>, what: string): Promise<T>
  /** Like `settle`, within the time limit of an abort. */
  settleSoon<T>(promise: Promise<T>, what: string): Promise<T>
  /** Aborts, if not already aborted, and asserts a rejection with the same reason, soon. */
  rejectsWithReason(promise: Promise<unknown>, controller: AbortController, what: string): Promise<void>
  /** Asserts a rejection with an error of the library, without secrets. */
  rejectsTyped(promise: Promise<unknown>, what: string): Promise<void>
  /** Asserts that an error is one of the library, without secrets. */
  isTyped(error: unknown, what: string): void
  /** Asserts that a value and its JSON contain no secret. */
  isClean(value: unknown, what: string): void
  /** Waits until a condition is true; an assertion error when that takes too long. */
  eventually(condition: () => boolean | Promise<boolean>, what: string): Promise<void>
}

interface TrialSubject {
  readonly secrets?: readonly string[] | undefined
  readonly clock?: Clock | undefined
}

/** Real milliseconds within which an abort must take effect. */
const PROMPT_MS = 1_000

/** Creates the trial of one case. */
export function trialOf(subject: TrialSubject, timeoutMs: number): Trial {
  const clock = subject.clock ?? hurriedClock()
  let contexts = 0

  const trial: Trial = {
    context(options) {
      contexts += 1
      return fakeContext({
        clock,
        runId: `run_${contexts}`,
        idempotencyKey: `key_${contexts}`,
        ...options,
      })
    },

    settle: (promise, what) => within(promise, timeoutMs, what),
    settleSoon: (promise, what) => within(promise, Math.min(timeoutMs, PROMPT_MS), what),

    async rejectsWithReason(promise, controller, what) {
      const outcome = outcomeOf(promise)
      controller.abort(new Error('Could not continue: the conformance suite aborted the call'))
      const { error, isRejected } = await trial.settleSoon(outcome, `${what} after an abort`)
      assert.ok(isRejected, `${what} must reject when its signal is aborted, but it resolved`)
      const isReason = error === controller.signal.reason
      assert.ok(isReason, `${what} must reject with signal.reason itself, but gave: ${error}`)
    },

    async rejectsTyped(promise, what) {
      const { error, isRejected } = await within(outcomeOf(promise), timeoutMs, what)
      assert.ok(isRejected, `${what} must reject, but it resolved`)
      trial.isTyped(error, what)
    },

    isTyped(error, what) {
      assert.ok(isSoraPipelineError(error), `${what} must reject with an error of the library, but gave: ${error}`)
      assert.notEqual(error.message, '', `${what} must reject with a message`)
      trial.isClean(`${error.message}\n${JSON.stringify(toErrorJson(error))}`, `the error of ${what}`)
    },

    isClean(value, what) {
      const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '')
      for (const secret of subject.secrets ?? []) {
        assert.ok(
          !text.includes(secret),
          `${what} must not contain a secret, but it contains one of ${secret.length} characters`,
        )
      }
    },

    async eventually(condition, what) {
      let isOver = false
      const untilTrue = async () => {
        while (!isOver && !(await condition())) await new Promise((resolve) => setTimeout(resolve, 1))
      }
      try {
        await within(untilTrue(), timeoutMs, what)
      } finally {
        isOver = true
      }
    },
  }
  return trial
}

/** Waits for some turns of the event loop. */
export async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await new Promise((resolve) => setImmediate(resolve))
}

/** The outcome of a promise, as a value. */
export function outcomeOf(
  promise: Promise<unknown>,
): Promise<{ readonly isRejected: boolean; readonly error?: unknown }> {
  return promise.then(
    () => ({ isRejected: false }),
    (error: unknown) => ({ isRejected: true, error }),
  )
}

async function within<T>(promise: Promise<T>, timeoutMs: number, what: string): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_, reject) => {
    const message = `${what} must settle within ${timeoutMs} ms, but it did not`
    timer = setTimeout(() => reject(new assert.AssertionError({ message })), timeoutMs)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}
