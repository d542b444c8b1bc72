import { isSoraPipelineError } from '../../contracts/errors.js'
import { type FencedError, RunStateError } from '../../contracts/run-errors.js'
import type { RunStore } from '../../contracts/run-store.js'
import type { RunSession } from '../run-session.js'
import { type RunState, readRunState } from '../state/run-state.js'

// About two minutes in all: longer than a store takes to fail over.
const STORE_TRIES = 8
const ASK_AGAIN_MS = 1000

/** A run as the store has it. */
export type LoadedRun = { readonly state: RunState; readonly version: number }

/**
 * Reads a run; `undefined` when the store does not know it.
 * @throws RunStateError when the store does not answer, or the state cannot be read.
 */
export async function loadRun(store: RunStore, id: string): Promise<LoadedRun | undefined> {
  const loaded = await answerOf(() => store.load(id), `Could not read the run, the store is down: ${id}`)
  return loaded && { state: readRunState(id, loaded.state), version: loaded.version }
}

/**
 * What a store answers.
 * @throws RunStateError when it does not. FencedError is an answer.
 */
export async function answerOf<T>(ask: () => Promise<T>, message: string): Promise<T> {
  try {
    return await ask()
  } catch (cause) {
    if (isFenced(cause)) throw cause
    throw new RunStateError(message, { cause })
  }
}

/**
 * What a store answers to a run that has begun. One that does not answer for a moment must not end a run that may be doing well
 * elsewhere: it is asked again for about two minutes.
 * @throws RunStateError with the handle of the job when it stays down; FencedError at once.
 */
export async function askPatiently<T>(
  { id, config, callerSignal, state }: RunSession,
  ask: () => Promise<T>,
): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await ask()
    } catch (cause) {
      if (isFenced(cause)) throw cause
      if (tries === STORE_TRIES) {
        const { handle } = state.submission ?? {}
        throw new RunStateError(`Could not go on with the run, the store is down: ${id}`, { cause, handle })
      }
      await config.clock.sleep(ASK_AGAIN_MS * 2 ** (tries - 1), { signal: callerSignal })
    }
  }
}

/** Whether an error says that another process saved in between. */
export function isFenced(error: unknown): error is FencedError {
  return isSoraPipelineError(error) && error.code === 'run-fenced'
}
