import type { Clock } from '../../contracts/clock.js'
import { isSoraPipelineError } from '../../contracts/errors.js'
import { type FencedError, RunStateError, STORE_IS } from '../../contracts/run-errors.js'
import type { LoadedRun, RunStore } from '../../contracts/run-store.js'
import { withDeadline } from '../../timing/deadline.js'
import type { RunState } from '../state/run-state.js'
import { readRunState } from '../state/stored-run.js'

/** A run in the store. */
export interface StoredState extends Omit<LoadedRun, 'state' | 'readings'> {
  readonly state: RunState
}

const METHODS = [
  'create',
  'load',
  'save',
  'reschedule',
  'claim',
  'due',
  'heartbeat',
  'retire',
  'versions',
  'report',
  'list',
  'putMedia',
  'getMedia',
  'dropMedia',
  'prune',
  'appendEvents',
  'readEvents',
  'followEvents',
  'readNote',
  'saveNote',
  'dueNotes',
] as const satisfies readonly (keyof RunStore)[]

/** An operation of a store. */
export type StoreMethod = (typeof METHODS)[number]

/** Calls one operation of a store in its own way, such as with a time limit. */
export type CallStore = <T>(method: StoreMethod, operation: () => Promise<T>) => Promise<T>

/**
 * A store with a time limit on its operations: a store that hangs counts as down. A late operation keeps its effect in the store;
 * compare-and-set makes that harmless.
 */
export function withinTime(store: RunStore, clock: Clock, timeoutMs: () => number): RunStore {
  return storeThrough(store, (method, operation) => inTime(clock, timeoutMs(), method, operation))
}

type Through = RunStore & { call: CallStore }

// The methods of the stores below; a function per method and run would be most of the memory of a waiting run.
const shapes = new WeakMap<RunStore, object>()

/** A store with the methods of another one, each called through a function. */
export function storeThrough(store: RunStore, call: CallStore): RunStore {
  let shape = shapes.get(store)
  if (shape === undefined) {
    shape = shapeOf(store)
    shapes.set(store, shape)
  }
  const through: Through = Object.create(shape)
  through.call = call
  return through
}

function shapeOf(store: RunStore): object {
  const present = METHODS.filter((method) => store[method] !== undefined)
  return Object.fromEntries(present.map((method) => [method, throughOf(store, method)]))
}

function throughOf(store: RunStore, method: StoreMethod) {
  return function (this: Through, ...given: unknown[]) {
    return this.call(method, () => (store[method] as (...all: unknown[]) => Promise<unknown>)(...given))
  }
}

/**
 * One operation of a store with a time limit.
 * @throws RunStateError, retryable, when it takes longer; any error of the operation.
 */
export function inTime<T>(
  clock: Clock,
  timeoutMs: number,
  method: StoreMethod,
  operation: () => Promise<T>,
): Promise<T> {
  const error = () =>
    new RunStateError(`Could not ${method} in the store, no answer within: ${timeoutMs} ms`, {
      isRetryable: true,
      reason: STORE_DOWN,
    })
  return withDeadline({ clock, timeoutMs, error }, operation)
}

/**
 * Reads a run; `undefined` when the store does not know it.
 * @throws RunStateError when the store does not respond (retryable), or the state cannot be read.
 */
export async function loadRun(store: RunStore, id: string): Promise<StoredState | undefined> {
  const loaded = await answerOf(() => store.load(id), `Could not read the run, the store is down: ${id}`)
  return loaded && { ...loaded, state: readRunState(id, loaded) }
}

/**
 * The result of a store operation.
 * @throws RunStateError, retryable, when the store fails. An error about an unreadable state, and a FencedError, pass unchanged.
 */
export async function answerOf<T>(operation: () => Promise<T>, message: string): Promise<T> {
  try {
    return await operation()
  } catch (cause) {
    if (isAnswer(cause)) throw cause
    throw storeFailure(message, cause, true)
  }
}

/** The reason of an error of a store that reports none. */
export const STORE_DOWN = 'the store is down'

/** The error of a store that failed, with the reported reason in its message. */
export function storeFailure(message: string, cause: unknown, isRetryable: boolean): RunStateError {
  const reason = (cause instanceof RunStateError ? cause.reason : undefined) ?? STORE_DOWN
  return new RunStateError(withReason(message, reason), { cause, isRetryable, reason })
}

// A reason that is a sentence about the store, such as that it is read-only, is more than that it is down.
function withReason(message: string, reason: string): string {
  if (reason === STORE_DOWN) return message
  return reason.startsWith(STORE_IS) && message.includes(STORE_DOWN)
    ? message.replace(STORE_DOWN, () => reason)
    : `${message} (${reason})`
}

/** Whether an error of a store is its answer, so that a retry changes nothing. */
export function isAnswer(error: unknown): boolean {
  return isFenced(error) || (isSoraPipelineError(error) && !error.isRetryable)
}

/** Whether an error reports that another process saved in between. */
export function isFenced(error: unknown): error is FencedError {
  return isSoraPipelineError(error) && error.code === 'run-fenced'
}
