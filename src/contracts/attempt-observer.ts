import type { StageContext } from './stage.js'

/** Told about every call of a strategy inside a chain. The pipeline makes events of it. */
export interface AttemptObserver {
  /** A call begins, or what the context is told next (progress, a warning) comes from this strategy. */
  working?(strategy: ObservedStrategy): void
  /** Looks at what a call resolved with, within its time limit; what it rejects with is the failure of the call. */
  verify?(strategy: ObservedStrategy, output: unknown, signal: AbortSignal): Promise<void>
  succeeded(attempt: ObservedAttempt): void
  failed(attempt: ObservedAttempt & { readonly error: unknown }): void
  /** `next` takes over from `from`. */
  fellBack(from: ObservedStrategy, next: ObservedStrategy): void
}

/** Who was called. */
export interface ObservedStrategy {
  readonly name: string
  readonly label?: string | undefined
}

/** One call, and how long it took. */
export interface ObservedAttempt {
  readonly strategy: ObservedStrategy
  readonly durationMs: number
}

// A registered symbol, so that a context keeps its observer when a strategy copies it by spreading.
const OBSERVER = Symbol.for('sora-pipeline.attempt-observer')

const SILENT: AttemptObserver = { succeeded() {}, failed() {}, fellBack() {} }

/** A context whose attempts are told to an observer. */
export function withAttemptObserver<C extends StageContext>(context: C, observer: AttemptObserver): C {
  return { ...context, [OBSERVER]: observer }
}

/** The observer of a context; one that does nothing when the context was made by hand. */
export function attemptObserverOf(context: StageContext): AttemptObserver {
  return (context as { readonly [OBSERVER]?: AttemptObserver })[OBSERVER] ?? SILENT
}
