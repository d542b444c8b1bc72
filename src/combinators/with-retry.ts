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
  /** How often to try in all, a whole number from 1. @defaultValue 3 */
  readonly maxAttempts?: number | undefined
  /** The first delay is between 0 and this, in milliseconds; it doubles with every failure. @defaultValue 500 */
  readonly minDelayMs?: number | undefined
  /** No delay of our own is longer than this, in milliseconds. @defaultValue 30000 */
  readonly maxDelayMs?: number | undefined
  /**
   * A failure that asks for a longer wait than this (`retryAfterMs`) is not retried, in milliseconds: the chain goes on
   * instead of standing still for an hour.
   * @defaultValue 60000
   */
  readonly maxRetryAfterMs?: number | undefined
  /**
   * Which failures to try again. An abort and a submission whose outcome is unknown never are.
   * @defaultValue those whose `isRetryable` is true
   */
  readonly shouldRetry?: ((error: unknown) => boolean) | undefined
  /** Source of the jitter, 0 up to 1. @defaultValue Math.random */
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
 * Tries a strategy again when it fails for a reason that may pass, with full jitter between the tries and what the upstream
 * asks for (`retryAfterMs`) as the least wait. Every failure is an `attempt-failed` event.
 *
 * Of a generator only a submission that was refused, or a job that failed, is tried again: polls that fail are missed polls
 * already, and a submission whose outcome is unknown is never repeated. An abort ends the waiting at once.
 *
 * @throws ConfigurationError when an option or the strategy is wrong; the message names every problem.
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
      return delayMs === undefined ? undefined : { cursor: { failures: failures + 1, inner: inner.first() }, delayMs }
    },
    admit: (cursor, context) => {
      const { failures, inner: at } = read(cursor)
      return admitWithin(inner, at, context, (within) => ({ failures, inner: within }))
    },
  }
}
