import assert from 'node:assert/strict'
import type { RunStore } from '../../contracts/run-store.js'
import type { ConformanceCase } from './conformance-suite.js'
import type { Trial } from './trial.js'

/** A store under test; it must be empty. */
export interface RunStoreSubject {
  /** The store under test. */
  readonly store: RunStore
  /**
   * Opens the same data again, as another process would.
   * @defaultValue the store itself
   */
  reopen?(): Promise<RunStore>
  /**
   * Moves the clock of the store forward, in milliseconds; stores of `reopen` share that clock. Without it the suite
   * waits for beats of 20 ms to expire in real time.
   */
  advance?(ms: number): Promise<void> | void
  /** Removes everything that `create` set up. */
  dispose?(): Promise<void> | void
}

/** A store with the optional methods of these names. */
export type StoreWith<Method extends keyof RunStore> = RunStore & Required<Pick<RunStore, Method>>

/** Creates a case about optional methods. A store that lacks one of them passes it. */
export function optionalCase<Method extends keyof RunStore>(
  methods: readonly Method[],
  name: string,
  check: (store: StoreWith<Method>, reopen: () => Promise<StoreWith<Method>>, trial: Trial) => Promise<void>,
): ConformanceCase<RunStoreSubject> {
  return {
    name,
    async check(subject, trial) {
      const { store } = subject
      if (!hasMethods(store, methods)) return
      const reopen = async () => {
        const other = await reopened(subject)
        assert.ok(hasMethods(other, methods), `the store must have ${methods.join(', ')} when it is opened again`)
        return other
      }
      await check(store, reopen, trial)
    },
  }
}

/** The data of the store as another process reads it. */
export async function reopened(subject: RunStoreSubject): Promise<RunStore> {
  return (await subject.reopen?.()) ?? subject.store
}

function hasMethods<Method extends keyof RunStore>(
  store: RunStore,
  methods: readonly Method[],
): store is StoreWith<Method> {
  return methods.every((method) => store[method] !== undefined)
}
