import { type AttemptObserver, attemptObserverOf, SILENT } from '../contracts/attempt-observer.js'
import { locateError } from '../contracts/errors.js'
import type { StageContext, StageWarning } from '../contracts/stage.js'
import type { HasSignal } from '../timing/lazy-signal.js'
import { callVerb, type StageCalls, type Strategy, type Verb } from './stage-calls.js'

/** How a strategy is made of others; `decorator` for one that changes the calls of a single one. */
export interface Composition {
  readonly kind: 'fallback' | 'race' | 'balance' | 'decorator'
  readonly parts: readonly Strategy[]
}

// With the plain strategies inside. A combined strategy reports the attempts of its members itself.
const compositions = new WeakMap<Strategy, Composition & { readonly plain: readonly Strategy[] }>()

/** Marks a strategy as made of others. */
export function combined<S extends Strategy>(strategy: S, { kind, parts }: Composition): S {
  compositions.set(strategy, { kind, parts, plain: parts.flatMap(plainStrategiesOf) })
  return strategy
}

/** How a strategy is made of others; `undefined` for a plain one. */
export function compositionOf(strategy: Strategy): Composition | undefined {
  return compositions.get(strategy)
}

/** The plain strategies that a strategy is made of, in order; itself when it is plain. */
export function plainStrategiesOf(strategy: Strategy): readonly Strategy[] {
  return compositions.get(strategy)?.plain ?? [strategy]
}

/** The first plain strategy that a strategy is made of. */
export function firstPlainOf(strategy: Strategy): Strategy {
  return plainStrategiesOf(strategy)[0] ?? strategy
}

/** The last plain strategy that a strategy is made of. */
export function lastPlainOf(strategy: Strategy): Strategy {
  return plainStrategiesOf(strategy).at(-1) ?? strategy
}

/** Bounds a call, such as by a time limit. */
export type Around = <T>(call: (limit: HasSignal) => Promise<T>) => Promise<T>

/** The result of a strategy, or its error. */
export type Outcome<T> =
  | { readonly output: T; readonly error?: undefined }
  | { readonly output?: undefined; readonly error: { readonly thrown: unknown } }

/**
 * Calls a strategy by its verb and reports the outcome to the observer of the context. Rejects with the error of the strategy, or
 * of the bound around it.
 */
export function callStrategy<V extends Verb>(
  verb: V,
  strategy: StageCalls[V]['strategy'],
  input: StageCalls[V]['input'],
  context: StageContext,
  around?: Around,
): Promise<StageCalls[V]['output']> {
  return tryStrategy(verb, strategy, input, context, around).then(outputOf)
}

function outputOf<T>({ output, error }: Outcome<T>): T {
  if (error) throw error.thrown
  return output as T
}

/** Like {@link callStrategy}, but never rejects: an error that a chain handles is not thrown again on its way. */
export async function tryStrategy<V extends Verb>(
  verb: V,
  strategy: StageCalls[V]['strategy'],
  input: StageCalls[V]['input'],
  context: StageContext,
  around?: Around,
): Promise<Outcome<StageCalls[V]['output']>> {
  const observer = compositions.has(strategy) ? undefined : attemptObserverOf(context)
  // The clock costs as much as the rest of a call that answers at once.
  const isHeard = observer !== undefined && observer !== SILENT
  const startedAt = isHeard ? context.clock.monotonic() : 0
  const attempt = () => ({ strategy, durationMs: Math.round(context.clock.monotonic() - startedAt) })
  try {
    observer?.working?.(strategy)
    const own = observer === undefined ? context : naming(strategy, context, observer)
    const call = (within: StageContext) => callVerified(verb, strategy, input, within, observer?.verify)
    const bounded = () => (around === undefined ? call(own) : around((limit) => call({ ...own, signal: limit.signal })))
    const output = await (observer?.trace === undefined ? bounded() : observer.trace(strategy, context, bounded))
    if (isHeard) observer.succeeded(attempt())
    return { output }
  } catch (thrown) {
    if (observer !== undefined) {
      const error = locateError(thrown, { stage: verb, strategy: strategy.name })
      if (isHeard) observer.failed({ ...attempt(), error })
    }
    return { error: { thrown } }
  }
}

function callVerified<V extends Verb>(
  verb: V,
  strategy: StageCalls[V]['strategy'],
  input: StageCalls[V]['input'],
  context: StageContext,
  verify: AttemptObserver['verify'],
): Promise<StageCalls[V]['output']> {
  const called = callVerb(verb, strategy, input, context)
  if (verify === undefined) return called
  return called.then(async (output) => {
    await verify(strategy, output, context.signal)
    return output
  })
}

// Several strategies may run at the same time; the reports of each carry its own name.
function naming(strategy: Strategy, context: StageContext, observer: AttemptObserver): StageContext {
  if (observer.working === undefined) return context
  const { warn } = context
  return {
    ...context,
    report: (progress) => {
      observer.working?.(strategy)
      context.report(progress)
    },
    ...(warn && {
      warn: (warning: StageWarning) => {
        observer.working?.(strategy)
        warn(warning)
      },
    }),
  }
}
