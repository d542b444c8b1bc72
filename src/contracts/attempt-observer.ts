import type { StageContext } from './stage.js'

/** Receives every call of a strategy inside a chain. The pipeline turns the calls into events. */
export interface AttemptObserver {
  /** A call begins, or the next report through the context (progress, a warning) comes from this strategy. */
  working?(strategy: ObservedStrategy): void
  /** Makes a call in the async context of its attempt. */
  trace?<T>(strategy: ObservedStrategy, context: StageContext, call: () => Promise<T>): Promise<T>
  /** Checks the result of a call, within its time limit. A rejection fails the call. */
  verify?(strategy: ObservedStrategy, output: unknown, signal: AbortSignal): Promise<void>
  succeeded(attempt: ObservedAttempt): void
  failed(attempt: ObservedAttempt & { readonly error: unknown }): void
  /** `next` takes over from `from`. */
  fellBack(from: ObservedStrategy, next: ObservedStrategy): void
}

/** The strategy that was called. */
export interface ObservedStrategy {
  readonly name: string
  readonly label?: string | undefined
}

/** One call and its duration. */
export interface ObservedAttempt {
  readonly strategy: ObservedStrategy
  readonly durationMs: number
}

// A registered symbol, so that a context keeps its observer when a strategy copies it by spreading.
const OBSERVER = Symbol.for('sora-pipeline.attempt-observer')

/** The observer of a context without one. */
export const SILENT: AttemptObserver = { succeeded() {}, failed() {}, fellBack() {} }

/** A context whose attempts are reported to an observer. */
export function withAttemptObserver<C extends object>(context: C, observer: AttemptObserver): C {
  return { ...context, [OBSERVER]: observer }
}

/** The observer of a context; {@link SILENT} for a context without one. */
export function attemptObserverOf(context: StageContext): AttemptObserver {
  return (context as { readonly [OBSERVER]?: AttemptObserver })[OBSERVER] ?? SILENT
}
