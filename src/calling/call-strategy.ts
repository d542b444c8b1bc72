import { attemptObserverOf } from '../contracts/attempt-observer.js'
import { locateError } from '../contracts/errors.js'
import type { StageContext, StageWarning } from '../contracts/stage.js'
import { callVerb, type StageCalls, type Strategy, type Verb } from './stage-calls.js'

// The plain strategies inside each combined one. A combined strategy reports the attempts of its members itself.
const members = new WeakMap<Strategy, readonly Strategy[]>()

/** Marks a strategy as made of others. */
export function combined<S extends Strategy>(strategy: S, parts: readonly Strategy[]): S {
  members.set(strategy, parts.flatMap(plainStrategiesOf))
  return strategy
}

// In order: itself when it is plain.
function plainStrategiesOf(strategy: Strategy): readonly Strategy[] {
  return members.get(strategy) ?? [strategy]
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
export type Around = <T>(call: (signal: AbortSignal) => Promise<T>) => Promise<T>

/**
 * Calls a strategy by its verb and reports the outcome to the observer of the context. Rejects with the error of the strategy, or
 * of the bound around it.
 */
export async function callStrategy<V extends Verb>(
  verb: V,
  strategy: StageCalls[V]['strategy'],
  input: StageCalls[V]['input'],
  context: StageContext,
  around: Around = (call) => call(context.signal),
): Promise<StageCalls[V]['output']> {
  const isCombined = members.has(strategy)
  const namedContext = isCombined ? context : naming(strategy, context)
  if (isCombined) return around((signal) => callVerb(verb, strategy, input, { ...namedContext, signal }))
  const observer = attemptObserverOf(context)
  const call = () =>
    around(async (signal) => {
      const output = await callVerb(verb, strategy, input, { ...namedContext, signal })
      await observer.verify?.(strategy, output, signal)
      return output
    })
  observer.working?.(strategy)
  const startedAt = context.clock.monotonic()
  const attempt = () => ({ strategy, durationMs: Math.round(context.clock.monotonic() - startedAt) })
  try {
    const output = await call()
    observer.succeeded(attempt())
    return output
  } catch (error) {
    observer.failed({ ...attempt(), error: locateError(error, { stage: verb, strategy: strategy.name }) })
    throw error
  }
}

// Several strategies may run at the same time; the reports of each carry its own name.
function naming(strategy: Strategy, context: StageContext): StageContext {
  const observer = attemptObserverOf(context)
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
