import { allFailed } from '../calling/all-failed.js'
import { callStrategy, firstPlainOf, lastPlainOf } from '../calling/call-strategy.js'
import type { StageCalls, Strategy, Verb } from '../calling/stage-calls.js'
import { attemptObserverOf } from '../contracts/attempt-observer.js'
import { checkOptions, type OptionRules, optionProblem, throwProblems } from '../contracts/check-options.js'
import { locateError } from '../contracts/errors.js'
import type { Generator, OneShotGenerator, TaskGenerator } from '../contracts/generator.js'
import { number, ruleOf } from '../contracts/option-rules.js'
import type { Publisher } from '../contracts/publisher.js'
import type { Resolver } from '../contracts/resolver.js'
import type { StageContext } from '../contracts/stage.js'
import type { Uploader } from '../contracts/uploader.js'
import { raceAbort } from '../timing/deadline.js'
import { balancedRoutes } from './balanced-routes.js'
import { type AtLeastOne, combine, membersOf } from './combine.js'
import { ownPlaces } from './places.js'
import { publicationLedger } from './publication-ledger.js'
import { restOf } from './rest-of.js'
import { placesShared, SHARED_RULES, type SharedLimitOptions, sharingProblems } from './shared-limits.js'
import { type BalanceStats, WaitingLine } from './waiting-line.js'

/** Options of {@link balance}. */
export interface BalanceOptions extends SharedLimitOptions {
  /**
   * How many calls, or jobs of a generator, each strategy runs at the same time: one whole number from 1 for all, or a list with
   * one for each strategy, in order; `Infinity` for no limit. Further calls wait in a queue, first in, first out.
   * @defaultValue `Infinity`
   */
  readonly concurrency?: number | readonly number[] | undefined
}

/** What {@link balance} adds to a strategy. */
export interface Balanced {
  /** What the strategies do at this moment, in this process. */
  stats(): BalanceStats
}

const aLimit = number(
  (value) => value === Number.POSITIVE_INFINITY || (Number.isSafeInteger(value) && value > 0),
  'give whole numbers from 1, or Infinity',
)
const RULES: OptionRules<BalanceOptions> = {
  ...SHARED_RULES,
  concurrency: ruleOf((field, value) => [value].flat().flatMap((limit) => aLimit.problems(field, limit))),
}

/**
 * Spreads calls over equivalent strategies, such as several keys or servers of one upstream. Each call goes to the strategy with
 * the fewest calls in progress, and in a tie to the least recently used one. When all are busy or suspended, the call waits in a
 * queue, first in, first out, and the run reports the phase `waiting`.
 *
 * A strategy that fails with `RateLimitError`, `OverloadedError` or `CircuitOpenError` is suspended for its `retryAfterMs` (30 s
 * without one), with `AuthenticationError` or `QuotaExceededError` for 5 minutes. The call continues with another strategy, each
 * at most once. Any other failure fails the call. When all remaining strategies are suspended for a refused key or quota, the
 * call fails with that error at once, because waiting would not help.
 *
 * The object holds the state, shared by all runs that use it; time is that of the runs' clock. A generator counts as busy from
 * before the submission until its job has ended. A job that is resumed after a restart counts as well, and never waits. An unknown
 * submission is never sent to another generator. An abort leaves the queue at once.
 *
 * With `shared`, limits of generators hold for all processes together. A place is taken in the store before the submission is
 * saved. A process asks for places that others hold about once a second, for its first job in line; across processes the order is
 * random. A run that a worker of a queue advances does not wait there: it is due again later. Without `shared`, each process
 * counts for itself, and of a run that is advanced only the current step.
 *
 * @param strategies - At least one, all of the same stage, each with its own name. Give them one by one, or as an array with
 * options after it.
 * @returns A strategy named `balance(a, b)`, with `stats()`. One-shot generators make a one-shot generator; with a task generator
 * among them it is a task generator.
 * @throws ConfigurationError when the concurrency is invalid, the list is empty, an entry is not a strategy, the stages differ,
 * or two strategies share a name.
 * @throws AllStrategiesFailedError (from the strategy) when several were tried and are suspended, with each error in order.
 *
 * @example
 * ```ts
 * import { balance } from 'sora-pipeline'
 *
 * const first = { name: 'key-1', generate: async () => ({ id: 'gen_1', url: 'https://cdn.example/a.mp4' }) }
 * const second = { name: 'key-2', generate: async () => ({ id: 'gen_2', url: 'https://cdn.example/b.mp4' }) }
 * const generator = balance([first, second], { concurrency: 2 })
 * console.log(generator.name) // balance(key-1, key-2)
 * ```
 */
export function balance(...strategies: AtLeastOne<OneShotGenerator>): OneShotGenerator & Balanced
export function balance(...strategies: AtLeastOne<Generator>): TaskGenerator & Balanced
export function balance(...strategies: AtLeastOne<Publisher>): Publisher & Balanced
export function balance(...strategies: AtLeastOne<Resolver>): Resolver & Balanced
export function balance(...strategies: AtLeastOne<Uploader>): Uploader & Balanced
export function balance(strategies: AtLeastOne<OneShotGenerator>, options?: BalanceOptions): OneShotGenerator & Balanced
export function balance(strategies: AtLeastOne<Generator>, options?: BalanceOptions): TaskGenerator & Balanced
export function balance(strategies: AtLeastOne<Publisher>, options?: BalanceOptions): Publisher & Balanced
export function balance(strategies: AtLeastOne<Resolver>, options?: BalanceOptions): Resolver & Balanced
export function balance(strategies: AtLeastOne<Uploader>, options?: BalanceOptions): Uploader & Balanced
export function balance(...given: readonly unknown[]): Strategy & Balanced {
  const { members, options } = membersOf<BalanceOptions>('balance', given)
  checkOptions('balance', options, RULES, (given) => sharingProblems(members, given))
  const limits = limitsOf(members, options)
  const line = new WaitingLine(limits)
  const places = () => (options.shared ? placesShared(members, limits, line, options) : ownPlaces(line))
  const ledger = publicationLedger(members)
  const strategy = combine(members, {
    kind: 'balance',
    name: `balance(${members.map((member) => member.name).join(', ')})`,
    label: members[0]?.label,
    call: async (verb, input, context) => {
      const { member, output } = await callLeastBusy(verb, { members, line }, input, context)
      ledger.note(member, output)
      return output
    },
    unpublish: ledger.unpublish,
    routes: () => balancedRoutes(members as readonly Generator[], places()),
  })
  return Object.assign(strategy, { stats: () => line.stats(members.map(({ name }) => name)) })
}

function limitsOf(members: readonly Strategy[], { concurrency = Number.POSITIVE_INFINITY }: BalanceOptions): number[] {
  if (typeof concurrency === 'number') return members.map(() => concurrency)
  if (concurrency.length !== members.length) {
    const fix = `give one number, or one for each of the ${members.length} strategies`
    throwProblems('balance', [optionProblem('concurrency', concurrency, fix)])
  }
  return [...concurrency]
}

async function callLeastBusy<V extends Exclude<Verb, 'generate'>>(
  verb: V,
  { members, line }: { readonly members: readonly Strategy[]; readonly line: WaitingLine },
  input: StageCalls[V]['input'],
  context: StageContext,
): Promise<{ member: Strategy; output: StageCalls[V]['output'] }> {
  const { clock, signal } = context
  const observer = attemptObserverOf(context)
  const errors: unknown[] = []
  let untried = [...members.keys()]
  let last: Strategy | undefined
  while (untried.length > 0) {
    let index: number
    try {
      index = await line.take(untried, context)
    } catch (error) {
      signal.throwIfAborted()
      const [first = 0] = untried
      observer.failed({
        strategy: firstPlainOf(members[first] as Strategy),
        durationMs: 0,
        error: locateError(error, { stage: verb }),
      })
      errors.push(error)
      break
    }
    const member = members[index] as Strategy
    if (last) observer.fellBack(lastPlainOf(last), firstPlainOf(member))
    try {
      const call = () => callStrategy(verb, member as StageCalls[V]['strategy'], input, context)
      return { member, output: await raceAbort(signal, call) }
    } catch (error) {
      signal.throwIfAborted()
      const rest = restOf(error, member)
      if (rest === undefined) throw error
      line.rest(index, rest, clock)
      errors.push(error)
    } finally {
      line.release(index)
    }
    untried = untried.filter((other) => other !== index)
    last = member
  }
  throw errors.length === 1 ? errors[0] : allFailed(verb, members, errors)
}
