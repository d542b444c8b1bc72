import { type Around, callStrategy } from '../calling/call-strategy.js'
import { type GeneratorRoutes, generatorRoutesOf } from '../calling/generator-routes.js'
import type { StageCalls, Strategy, Verb } from '../calling/stage-calls.js'
import { checkOptions, type OptionRules } from '../contracts/check-options.js'
import type { Generator, OneShotGenerator, TaskGenerator } from '../contracts/generator.js'
import { msAbove0, required } from '../contracts/option-rules.js'
import type { Publisher } from '../contracts/publisher.js'
import type { Resolver } from '../contracts/resolver.js'
import { StageTimeoutError } from '../contracts/run-errors.js'
import type { StageContext } from '../contracts/stage.js'
import type { Uploader } from '../contracts/uploader.js'
import { withDeadline } from '../timing/deadline.js'
import { underSignal } from '../timing/lazy-signal.js'
import { checkMembers, combine } from './combine.js'

/** Options of {@link withTimeout}. */
export interface TimeoutOptions {
  /**
   * Time limit of one call, in milliseconds above 0; for a generator of the whole job, from the submission to the video. After it
   * the call rejects with `StageTimeoutError`; an accepted job continues and costs money. `Infinity` for no limit.
   */
  readonly timeoutMs: number
}

const RULES: OptionRules<TimeoutOptions> = { timeoutMs: required(msAbove0) }

/**
 * Gives a strategy a time limit. When it passes, the call rejects at once, even if the strategy ignores its signal; its later
 * result is ignored.
 *
 * A generator that takes too long ends the run with a `StageTimeoutError` that carries the handle of the job, which continues and
 * costs money. Another generator is not tried, because that would pay twice.
 *
 * @throws ConfigurationError when `timeoutMs` is not above 0 or the strategy is invalid.
 * @throws StageTimeoutError (from the strategy) when the time is up.
 *
 * @example
 * ```ts
 * import { withTimeout } from 'sora-pipeline'
 *
 * const mirror = { name: 'mirror', resolve: async () => ({ url: 'https://cdn.example/a.mp4' }) }
 * const resolver = withTimeout(mirror, { timeoutMs: 5000 })
 * console.log(resolver.name) // mirror
 * ```
 */
export function withTimeout(strategy: OneShotGenerator, options: TimeoutOptions): OneShotGenerator
export function withTimeout(strategy: Generator, options: TimeoutOptions): TaskGenerator
export function withTimeout(strategy: Publisher, options: TimeoutOptions): Publisher
export function withTimeout(strategy: Resolver, options: TimeoutOptions): Resolver
export function withTimeout(strategy: Uploader, options: TimeoutOptions): Uploader
export function withTimeout(strategy: Strategy, options: TimeoutOptions): Strategy {
  checkMembers('withTimeout', [strategy])
  checkOptions('withTimeout', options, RULES)
  const { timeoutMs } = options
  const { name, label } = strategy
  const within = (verb: Verb, { clock, signal }: StageContext): Around => {
    const error = () => new StageTimeoutError(`Could not ${verb} with ${name} in time: ${timeoutMs} ms`, { timeoutMs })
    return (call) => withDeadline({ clock, signal, timeoutMs, error }, call)
  }
  return combine([strategy], {
    kind: 'decorator',
    name,
    label,
    call: (verb, input, context) =>
      callStrategy(verb, strategy as StageCalls[typeof verb]['strategy'], input, context, within(verb, context)),
    unpublish: (publication, context) =>
      within(
        'publish',
        context,
      )((limit) => (strategy as Required<Publisher>).unpublish(publication, underSignal(context, limit))),
    routes: () => routesOf(strategy as Generator, timeoutMs),
  })
}

function routesOf(generator: Generator, timeoutMs: number): GeneratorRoutes {
  const inner = generatorRoutesOf(generator)
  return {
    ...inner,
    at: (cursor) => {
      const route = inner.at(cursor)
      return { ...route, timeoutMs: Math.min(timeoutMs, route.timeoutMs ?? Number.POSITIVE_INFINITY) }
    },
  }
}
