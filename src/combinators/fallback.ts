import { allFailed } from '../calling/all-failed.js'
import { firstPlainOf, lastPlainOf, tryStrategy } from '../calling/call-strategy.js'
import { admitWithin, type GeneratorRoutes, generatorRoutesOf, placeAmong } from '../calling/generator-routes.js'
import type { StageCalls, Strategy, Verb } from '../calling/stage-calls.js'
import { attemptObserverOf } from '../contracts/attempt-observer.js'
import { checkOptions, type OptionRules } from '../contracts/check-options.js'
import type { Generator, OneShotGenerator, TaskGenerator } from '../contracts/generator.js'
import type { JsonValue } from '../contracts/json.js'
import { rule, ruleOf } from '../contracts/option-rules.js'
import type { Publisher } from '../contracts/publisher.js'
import type { Resolver } from '../contracts/resolver.js'
import type { StageContext } from '../contracts/stage.js'
import type { Uploader } from '../contracts/uploader.js'
import { type AtLeastOne, combine, membersOf } from './combine.js'
import { endsChain } from './ends-chain.js'
import { type PublicationLedger, publicationLedger } from './publication-ledger.js'

/** Options of {@link fallback}. */
export interface FallbackOptions {
  /**
   * Error codes that end a chain by default, but after which the next strategy is tried. Only `content-rejected` may be listed: a
   * submission whose outcome is unknown always ends the chain.
   * @defaultValue none: a moderation verdict ends the chain
   */
  readonly continueOn?: readonly 'content-rejected'[] | undefined
}

const aCode = rule((value) => value === 'content-rejected', "give ['content-rejected'] or nothing")
const RULES: OptionRules<FallbackOptions> = {
  continueOn: ruleOf((field, value) =>
    (Array.isArray(value) ? value : [{ value }]).flatMap((code: unknown) => aCode.problems(field, code)),
  ),
}

/**
 * Tries strategies of one stage in order until one succeeds, and is itself a strategy of that stage. Every failure is an
 * `attempt-failed` event; the next strategy does not receive it. An abort, a submission with unknown outcome, and a moderation
 * verdict end the chain at once.
 *
 * An abort is passed to the current strategy, which decides what keeps running.
 *
 * @param strategies - At least one, all of the same stage, each with its own name. Give them one by one, or as an array with
 * options after it.
 * @returns A strategy named `fallback(a, b)`. One-shot generators make a one-shot generator; with a task generator among them it
 * is a task generator.
 * @throws ConfigurationError when the list is empty, an entry is not a strategy, the stages differ, or two strategies share a
 * name.
 * @throws AllStrategiesFailedError (from the strategy) when every strategy failed, with each error in order.
 *
 * @example
 * ```ts
 * import { fallback } from 'sora-pipeline'
 *
 * const drive = { name: 'drive', upload: async () => ({ url: 'https://drive.example/a.mp4' }) }
 * const bucket = { name: 'bucket', upload: async () => ({ url: 'https://bucket.example/a.mp4' }) }
 * const uploader = fallback(drive, bucket)
 * console.log(uploader.name) // fallback(drive, bucket)
 * ```
 */
export function fallback(...strategies: AtLeastOne<OneShotGenerator>): OneShotGenerator
export function fallback(...strategies: AtLeastOne<Generator>): TaskGenerator
export function fallback(...strategies: AtLeastOne<Publisher>): Publisher
export function fallback(...strategies: AtLeastOne<Resolver>): Resolver
export function fallback(...strategies: AtLeastOne<Uploader>): Uploader
export function fallback(strategies: AtLeastOne<OneShotGenerator>, options?: FallbackOptions): OneShotGenerator
export function fallback(strategies: AtLeastOne<Generator>, options?: FallbackOptions): TaskGenerator
export function fallback(strategies: AtLeastOne<Publisher>, options?: FallbackOptions): Publisher
export function fallback(strategies: AtLeastOne<Resolver>, options?: FallbackOptions): Resolver
export function fallback(strategies: AtLeastOne<Uploader>, options?: FallbackOptions): Uploader
export function fallback(...given: readonly unknown[]): Strategy {
  const { members, options } = membersOf<FallbackOptions>('fallback', given)
  checkOptions('fallback', options, RULES)
  const { continueOn = [] } = options
  return chain(members, (error) => endsChain(error, continueOn))
}

type IsEnd = (error: unknown) => boolean

function chain(members: readonly Strategy[], isEnd: IsEnd): Strategy {
  const ledger = publicationLedger(members)
  const label = members[0]?.label
  const name = `fallback(${members.map((member) => member.name).join(', ')})`
  return combine(members, {
    kind: 'fallback',
    name,
    label,
    call: (verb, input, context) => firstSuccess(verb, members, { input, context, isEnd, ledger }),
    unpublish: ledger.unpublish,
    routes: () => routesOf(members as readonly Generator[], isEnd),
  })
}

async function firstSuccess<V extends Exclude<Verb, 'generate'>>(
  verb: V,
  members: readonly Strategy[],
  call: { input: StageCalls[V]['input']; context: StageContext; isEnd: IsEnd; ledger: PublicationLedger },
): Promise<StageCalls[V]['output']> {
  const { input, context, isEnd, ledger } = call
  const { signal } = context
  const errors: unknown[] = []
  for (let index = 0; index < members.length; index += 1) {
    const member = members[index] as StageCalls[V]['strategy']
    signal.throwIfAborted()
    const { output, error } = await tryStrategy(verb, member, input, context)
    if (error === undefined) {
      ledger.note(member, output)
      return output as StageCalls[V]['output']
    }
    signal.throwIfAborted()
    const { thrown } = error
    if (isEnd(thrown)) throw thrown
    errors.push(thrown)
    const next = members[index + 1]
    if (next !== undefined) attemptObserverOf(context).fellBack(lastPlainOf(member), firstPlainOf(next))
  }
  if (errors.length === 1) throw errors[0]
  throw allFailed(verb, members, errors)
}

function routesOf(members: readonly Generator[], isEnd: IsEnd): GeneratorRoutes {
  const inner = members.map(generatorRoutesOf)
  const routesAt = (index: number) => inner[index] as GeneratorRoutes
  const read = (cursor: JsonValue) => cursor as { readonly index: number; readonly inner: JsonValue }
  return {
    generators: inner.flatMap(({ generators }) => generators),
    first: () => ({ index: 0, inner: routesAt(0).first() }),
    locate: (generator) => placeAmong(inner, generator),
    at: (cursor) => routesAt(read(cursor).index).at(read(cursor).inner),
    next: (cursor, error) => {
      if (isEnd(error)) return undefined
      const { index, inner: at } = read(cursor)
      const within = routesAt(index).next(at, error)
      if (within) return { ...within, cursor: { index, inner: within.cursor } }
      return index + 1 < members.length
        ? { cursor: { index: index + 1, inner: routesAt(index + 1).first() } }
        : undefined
    },
    admit: (cursor, context) => {
      const { index, inner: at } = read(cursor)
      return admitWithin(routesAt(index), at, context, (within) => ({ index, inner: within }))
    },
  }
}
