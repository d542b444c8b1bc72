import { RunStateError } from '../contracts/run-errors.js'
import type { RunStore } from '../contracts/run-store.js'
import { type RunState, readRunState } from './run-state.js'
import { isFenced } from './save-state.js'

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
