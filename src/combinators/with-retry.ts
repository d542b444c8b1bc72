import { callStrategy } from '../calling/call-strategy.js'
import { admitWithin, type GeneratorRoutes, generatorRoutesOf } from '../calling/generator-routes.js'
import type { StageCalls, Strategy } from '../calling/stage-calls.js'
import { checkOptions, type OptionRules } from '../contracts/check-options.js'
import { isSoraPipelineError } from '../contracts/errors.js'
import type { Generator, OneShotGenerator, TaskGenerator } from '../contracts/generator.js'
import type { JsonValue } from '../contracts/json.js'
import { aFunction, msFrom0, whole } from '../contracts/option-rules.js'
import type { Publisher } from '../contracts/publisher.js'
import type { Resolver } from '../contracts/resolver.js'
import type { Uploader } from '../contracts/uploader.js'
import { type RetryPlan, retry, retryDelayMs } from '../timing/retry.js'
import { checkMembers, combine } from './combine.js'

/** Options of {@link withRetry}. */
export interface RetryOptions {
  /**
   * Maximum number of attempts, the first one included; a whole number from 1. After the last attempt the call rejects with its
   * error.
   * @defaultValue `3`
   */
  readonly maxAttempts?: number | undefined
  /**
   * Upper bound of the first delay, in milliseconds from 0. Each delay is random between 0 and its bound. The bound doubles with
   * every failure and is never more than `maxDelayMs`.
   * @defaultValue `500`
   */
  readonly minDelayMs?: number | undefined
  /**
   * Upper bound of every delay, in milliseconds from 0. A `retryAfterMs` of the upstream is added to it, and may be longer.
   * @defaultValue `30_000` (30 s)
   */
  readonly maxDelayMs?: number | undefined
  /**
   * Longest `retryAfterMs` of the upstream that is honoured, in milliseconds from 0. A failure that requests a longer wait is not
   * retried, so a chain continues with its next strategy.
   * @defaultValue `60_000` (1 min)
   */
  readonly maxRetryAfterMs?: number | undefined
  /**
   * Decides which failures are retried. An abort and a submission with unknown outcome are never retried.
   * @defaultValue errors of the library whose `isRetryable` is true
   */
  readonly shouldRetry?: ((error: unknown) => boolean) | undefined
  /** Source of the jitter: returns numbers from 0 up to, but not including, 1. @defaultValue `Math.random` */
  readonly random?: (() => number) | undefined
}

const RULES: OptionRules<RetryOptions> = {
  maxAttempts: whole(1),
  minDelayMs: msFrom0,
  maxDelayMs: msFrom0,
  maxRetryAfterMs: msFrom0,
  shouldRetry: aFunction,
  random: aFunction,
}

/**
 * Retries a strategy after transient failures, with full jitter between the attempts and the `retryAfterMs` of the upstream as
 * the minimum wait. Every failure is an `attempt-failed` event.
 *
 * For a generator, only a refused submission or a failed job is retried: a failed poll is a missed poll, and a submission with
 * unknown outcome is never repeated. An abort ends the wait at once.
 *
 * @throws ConfigurationError when an option or the strategy is invalid; the message names every problem.
 *
 * @example
 * ```ts
 * import { withRetry } from 'sora-pipeline'
 *
 * const bucket = { name: 'bucket', upload: async () => ({ url: 'https://bucket.example/a.mp4' }) }
 * const uploader = withRetry(bucket, { maxAttempts: 4 })
 * console.log(uploader.name) // bucket
 * ```
 */
export function withRetry(strategy: OneShotGenerator, options?: RetryOptions): OneShotGenerator
export function withRetry(strategy: Generator, options?: RetryOptions): TaskGenerator
export function withRetry(strategy: Publisher, options?: RetryOptions): Publisher
export function withRetry(strategy: Resolver, options?: RetryOptions): Resolver
export function withRetry(strategy: Uploader, options?: RetryOptions): Uploader
export function withRetry(strategy: Strategy, options: RetryOptions = {}): Strategy {
  checkMembers('withRetry', [strategy])
  const plan = planOf(options)
  const { name, label } = strategy
  return combine([strategy], {
    kind: 'decorator',
    name,
    label,
    call: (verb, input, context) =>
      retry(() => callStrategy(verb, strategy as StageCalls[typeof verb]['strategy'], input, context), plan, context),
    unpublish: (publication, context) => (strategy as Required<Publisher>).unpublish(publication, context),
    routes: () => routesOf(strategy as Generator, plan),
  })
}

function planOf(options: RetryOptions): RetryPlan {
  checkOptions('withRetry', options, RULES)
  const { maxAttempts = 3, minDelayMs = 500, maxDelayMs = 30_000, maxRetryAfterMs = 60_000 } = options
  const { shouldRetry = isRetryable, random = Math.random } = options
  return {
    retries: maxAttempts - 1,
    minDelayMs,
    maxDelayMs,
    maxRetryAfterMs,
    random,
    shouldRetry: (error) => !(isSoraPipelineError(error) && error.code === 'submission-unknown') && shouldRetry(error),
  }
}

function isRetryable(error: unknown): boolean {
  return isSoraPipelineError(error) && error.isRetryable
}

function routesOf(generator: Generator, plan: RetryPlan): GeneratorRoutes {
  const inner = generatorRoutesOf(generator)
  const read = (cursor: JsonValue) => cursor as { readonly failures: number; readonly inner: JsonValue }
  return {
    generators: inner.generators,
    first: () => ({ failures: 0, inner: inner.first() }),
    locate: (member) => {
      const within = inner.locate(member)
      return within === undefined ? undefined : { failures: 0, inner: within }
    },
    at: (cursor) => inner.at(read(cursor).inner),
    next: (cursor, error) => {
      const { failures, inner: at } = read(cursor)
      const within = inner.next(at, error)
      if (within) return { ...within, cursor: { failures, inner: within.cursor } }
      const delayMs = retryDelayMs(error, failures + 1, plan)
      return delayMs === undefined
        ? undefined
        : { cursor: { failures: failures + 1, inner: inner.first() }, delayMs, again: inner.generators }
    },
    admit: (cursor, context) => {
      const { failures, inner: at } = read(cursor)
      return admitWithin(inner, at, context, (within) => ({ failures, inner: within }))
    },
  }
}
