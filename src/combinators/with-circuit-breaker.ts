import { callStrategy, firstPlainOf } from '../calling/call-strategy.js'
import { type GeneratorRoutes, generatorRoutesOf } from '../calling/generator-routes.js'
import type { StageCalls, Strategy, Verb } from '../calling/stage-calls.js'
import { attemptObserverOf } from '../contracts/attempt-observer.js'
import { checkOptions, type OptionRules } from '../contracts/check-options.js'
import type { Clock } from '../contracts/clock.js'
import { isSoraPipelineError, locateError } from '../contracts/errors.js'
import type { Generator, OneShotGenerator, TaskGenerator } from '../contracts/generator.js'
import { aFunction, msAbove0, whole } from '../contracts/option-rules.js'
import type { Publisher } from '../contracts/publisher.js'
import type { Resolver } from '../contracts/resolver.js'
import { mayHaveBeenAccepted } from '../contracts/submission.js'
import type { Uploader } from '../contracts/uploader.js'
import { CircuitOpenError } from '../contracts/upstream-errors.js'
import { raceAbort } from '../timing/deadline.js'
import { Circuit, type CircuitOutcome } from './circuit.js'
import { checkMembers, combine } from './combine.js'

/** Options of {@link withCircuitBreaker}. */
export interface CircuitBreakerOptions {
  /**
   * How many failures in a row open the circuit, a whole number from 1. Further calls then reject with `CircuitOpenError` without
   * sending anything.
   * @defaultValue `5`
   */
  readonly failures?: number | undefined
  /**
   * How long the circuit stays open, in milliseconds above 0. Then one call is admitted as a probe: its success closes the
   * circuit, its failure opens it for the same time again. `Infinity` keeps it open for the life of the object.
   * @defaultValue `30_000` (30 s)
   */
  readonly resetAfterMs?: number | undefined
  /**
   * Decides which failures count. It is not called for an abort or for a submission with unknown outcome: they never count. A
   * failure that does not count changes nothing.
   * @defaultValue all but those that do not show the health of the upstream: a refused request, configuration or content, HTTP
   * 4xx other than 408, 425 and 429, a job that failed at the upstream, an unknown outcome, and a `CircuitOpenError`
   */
  readonly countsAsFailure?: ((error: unknown) => boolean) | undefined
}

const RULES: OptionRules<CircuitBreakerOptions> = {
  failures: whole(1),
  resetAfterMs: msAbove0,
  countsAsFailure: aFunction,
}

/**
 * Adds a circuit breaker to a strategy, so that a dead upstream costs no time. After `failures` failures in a row each call
 * rejects at once with a `CircuitOpenError`, and a chain continues with its next strategy. After `resetAfterMs` one call is
 * admitted as a probe: its success closes the circuit, its failure opens it again. The object holds the state, in this process
 * only, shared by all runs that use it; time is that of the runs' clock.
 *
 * For a generator, failed submissions count if they were refused or never sent, not if their outcome is unknown. An accepted job
 * is polled and cancelled in any state of the circuit.
 *
 * Leave the last strategy of a chain without a breaker, so that one is always tried. A call that hangs counts only when it fails:
 * put `withTimeout` inside. An abort is passed on; after an aborted probe the next call is the probe.
 *
 * @returns A strategy with the name and label of the given one.
 * @throws ConfigurationError when an option or the strategy is invalid; the message names every problem.
 * @throws CircuitOpenError (from the strategy) while the circuit is open; `retryAfterMs` is the remaining time.
 *
 * @example
 * ```ts
 * import { fallback, withCircuitBreaker, withTimeout } from 'sora-pipeline'
 *
 * const mirror = { name: 'mirror', resolve: async () => ({ url: 'https://cdn1.example/a.mp4' }) }
 * const last = { name: 'last', resolve: async () => ({ url: 'https://cdn2.example/a.mp4' }) }
 * const resolver = fallback(withCircuitBreaker(withTimeout(mirror, { timeoutMs: 5000 }), { failures: 3 }), last)
 * console.log(resolver.name) // fallback(mirror, last)
 * ```
 */
export function withCircuitBreaker(strategy: OneShotGenerator, options?: CircuitBreakerOptions): OneShotGenerator
export function withCircuitBreaker(strategy: Generator, options?: CircuitBreakerOptions): TaskGenerator
export function withCircuitBreaker(strategy: Publisher, options?: CircuitBreakerOptions): Publisher
export function withCircuitBreaker(strategy: Resolver, options?: CircuitBreakerOptions): Resolver
export function withCircuitBreaker(strategy: Uploader, options?: CircuitBreakerOptions): Uploader
export function withCircuitBreaker(strategy: Strategy, options: CircuitBreakerOptions = {}): Strategy {
  checkMembers('withCircuitBreaker', [strategy])
  checkOptions('withCircuitBreaker', options, RULES)
  const { failures = 5, resetAfterMs = 30_000, countsAsFailure = isOfUpstream } = options
  const { name, label } = strategy
  const circuit = new Circuit({ failures, resetAfterMs })
  return combine([strategy], {
    kind: 'decorator',
    name,
    label,
    call: async (verb, input, context) => {
      const { clock, signal } = context
      const refusal = refusalOf(circuit, { verb, strategy, clock })
      if (refusal) {
        attemptObserverOf(context).failed({ strategy: firstPlainOf(strategy), durationMs: 0, error: refusal })
        throw refusal
      }
      const passage = circuit.enter()
      let outcome: CircuitOutcome = 'undecided'
      try {
        const member = strategy as StageCalls[typeof verb]['strategy']
        const output = await raceAbort(signal, () => callStrategy(verb, member, input, context))
        outcome = 'succeeded'
        return output
      } catch (error) {
        if (!signal.aborted && countsAsFailure(error)) outcome = 'failed'
        throw error
      } finally {
        circuit.leave(passage, outcome, clock)
      }
    },
    unpublish: (publication, context) => (strategy as Required<Publisher>).unpublish(publication, context),
    routes: () => routesOf(strategy as Generator, circuit, countsAsFailure),
  })
}

function refusalOf(
  circuit: Circuit,
  { verb, strategy, clock }: { readonly verb: Verb; readonly strategy: Strategy; readonly clock: Clock },
): CircuitOpenError | undefined {
  const leftMs = circuit.closedForMs(clock)
  if (leftMs === undefined) return undefined
  const error = new CircuitOpenError(
    `Could not ${verb}, the circuit is open after repeated failures: ${strategy.name}`,
    {
      retryAfterMs: leftMs > 0 ? leftMs : undefined,
    },
  )
  return locateError(error, { stage: verb, strategy: firstPlainOf(strategy).name })
}

const OF_REQUEST: ReadonlySet<string> = new Set([
  'aborted',
  'circuit-open',
  'configuration-invalid',
  'content-rejected',
  'generation-failed',
  'request-invalid',
  'submission-unknown',
])

function isOfUpstream(error: unknown): boolean {
  if (!isSoraPipelineError(error)) return true
  if (error.code === 'upstream-http' && 'status' in error) {
    const status = Number(error.status)
    return error.isRetryable || status < 400 || status > 499
  }
  if (error.code === 'all-strategies-failed' && 'errors' in error && Array.isArray(error.errors)) {
    return error.errors.some(isOfUpstream)
  }
  return !OF_REQUEST.has(error.code)
}

function routesOf(
  generator: Generator,
  circuit: Circuit,
  countsAsFailure: (error: unknown) => boolean,
): GeneratorRoutes {
  const inner = generatorRoutesOf(generator)
  return {
    ...inner,
    admit: async (cursor, context) => {
      if (context.isRunning) return inner.admit(cursor, context)
      const { clock } = context
      const refusal = refusalOf(circuit, { verb: 'generate', strategy: generator, clock })
      if (refusal) return { cursor, refusal, answered() {}, release() {} }
      const passage = circuit.enter()
      try {
        const admission = await inner.admit(cursor, context)
        return {
          ...admission,
          answered: (error) => {
            admission.answered(error)
            circuit.leave(passage, outcomeOf(error, admission.cursor), clock)
          },
          release: (leftForMs) => {
            circuit.leave(passage, 'undecided', clock)
            return admission.release(leftForMs)
          },
        }
      } catch (error) {
        circuit.leave(passage, 'undecided', clock)
        throw error
      }
    },
  }

  function outcomeOf(error: unknown, cursor: Parameters<GeneratorRoutes['next']>[0]): CircuitOutcome {
    if (error === undefined) return 'succeeded'
    // An inner chain that continues has not failed yet.
    if (mayHaveBeenAccepted(error) || inner.next(cursor, error) !== undefined) return 'undecided'
    return countsAsFailure(error) ? 'failed' : 'undecided'
  }
}
