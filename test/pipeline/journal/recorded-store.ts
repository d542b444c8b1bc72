import type { RunStore } from '../../../src/index.js'

/** A store that records its calls. */
export interface RecordedStore {
  readonly store: RunStore
  /** The arguments of the calls of a method, in order. */
  callsOf(method: keyof RunStore): readonly (readonly unknown[])[]
}

/** Records the calls of a store; `changes` replace some of its methods. */
export function recordedStore(inner: RunStore, changes: Partial<RunStore> = {}): RecordedStore {
  const calls: { readonly method: string; readonly given: readonly unknown[] }[] = []
  const methods = Object.entries({ ...inner, ...changes }).flatMap(([method, operation]) => {
    if (operation === undefined) return []
    const call = (...given: unknown[]) => {
      calls.push({ method, given })
      return (operation as (...all: unknown[]) => unknown)(...given)
    }
    return [[method, call]]
  })
  return {
    store: Object.fromEntries(methods) as unknown as RunStore,
    callsOf: (method) => calls.filter((call) => call.method === method).map(({ given }) => given),
  }
}

/** An operation of a store that is down. */
export const down = (): Promise<never> => Promise.reject(new Error('connect ECONNREFUSED'))

/** The error of an operation that had no answer. */
export const isDown = (message: string) => ({ code: 'run-state', isRetryable: true, message })

/** The error of an answer that no retry changes. */
export const isRefusal = (message: string) => ({ code: 'run-state', isRetryable: false, message })

/** The error of a wrong argument with one problem. */
export const isInvalid = (field: string, value: string, fix: string) => ({
  code: 'request-invalid',
  problems: [{ field, value, fix }],
})
