import { type Composition, combined } from '../calling/call-strategy.js'
import type { GeneratorRoutes } from '../calling/generator-routes.js'
import type { StageCalls, Strategy, Verb } from '../calling/stage-calls.js'
import { stageOf } from '../calling/stage-of.js'
import { describeValue } from '../contracts/errors.js'
import { ConfigurationError, type InputProblem } from '../contracts/input-errors.js'
import type { Publication } from '../contracts/publisher.js'
import type { StageContext } from '../contracts/stage.js'
import { combinedGenerator } from './combined-generator.js'

/** A list with at least one entry, such as the strategies of a chain. */
export type AtLeastOne<S> = readonly [S, ...S[]]

/** How a combinator calls its members. */
export interface Combination {
  readonly kind: Composition['kind']
  readonly name: string
  readonly label?: string | undefined
  /** One call of the combined strategy, for everything but task generators. */
  call<V extends Exclude<Verb, 'generate'>>(
    verb: V,
    input: StageCalls[V]['input'],
    context: StageContext,
  ): Promise<StageCalls[V]['output']>
  unpublish(publication: Publication, context: StageContext): Promise<void>
  /** The same as a walk over generators. */
  readonly routes: () => GeneratorRoutes
}

/** Creates the combined strategy for the stage of the members. The caller has checked them with {@link checkMembers}. */
export function combine(members: readonly Strategy[], combination: Combination): Strategy {
  return combined(build(members, combination), { kind: combination.kind, parts: members })
}

function build(members: readonly Strategy[], combination: Combination): Strategy {
  const { name, label } = combination
  const facts = { name, ...(label !== undefined && { label }) }
  switch (stageOf(members[0])) {
    case 'publish':
      return {
        ...facts,
        publish: (video, context) => combination.call('publish', video, context),
        ...(members.some((member) => 'unpublish' in member) && {
          unpublish: (publication: Publication, context: StageContext) => combination.unpublish(publication, context),
        }),
      }
    case 'resolve':
      return { ...facts, resolve: (input, context) => combination.call('resolve', input, context) }
    case 'upload':
      return { ...facts, upload: (source, context) => combination.call('upload', source, context) }
    default:
      return combinedGenerator({
        ...facts,
        routes: combination.routes(),
        isOneShot: members.every((member) => 'generate' in member),
      })
  }
}

/**
 * The members and the options of a combinator that takes `(a, b)` or `([a, b], options)`.
 * @throws ConfigurationError when they cannot be combined, or the argument after the array is not options.
 */
export function membersOf<Options>(
  subject: string,
  given: readonly unknown[],
): { readonly members: readonly Strategy[]; readonly options: Options } {
  const [first, options = {}, ...more] = given
  const members = Array.isArray(first) ? first : given
  checkMembers(subject, members)
  if (members === given) return { members, options: {} as Options }
  if (more.length === 0) return { members, options: options as Options }
  throw new ConfigurationError(subject, [
    { field: 'arguments', value: String(given.length), fix: 'give an array of strategies, and options' },
  ])
}

/**
 * Refuses members that cannot be combined.
 * @throws ConfigurationError when they are not an array, the list is empty, an entry is not a strategy, the stages differ, or two
 * strategies share a name.
 */
export function checkMembers(subject: string, members: unknown): asserts members is readonly Strategy[] {
  const problems: InputProblem[] = []
  if (!Array.isArray(members)) {
    const problem = { field: 'strategies', value: describeValue(members), fix: 'give an array of strategies' }
    throw new ConfigurationError(subject, [problem])
  }
  if (members.length === 0) {
    problems.push({ field: 'strategies', value: 'empty', fix: 'give at least one strategy' })
  }
  const stages = members.map(stageOf)
  const names = new Set<unknown>()
  members.forEach((member, index) => {
    const field = members.length === 1 ? 'strategy' : `strategies[${index}]`
    const stage = stages[index]
    if (stage === undefined) {
      const fix = 'give an object with one verb: generate, start and poll, publish, resolve, or upload'
      problems.push({ field, value: describeValue(member), fix })
      return
    }
    if (stages[0] !== undefined && stage !== stages[0]) {
      problems.push({ field, value: `a strategy to ${stage}`, fix: `give only strategies to ${stages[0]}` })
    }
    const { name } = member as Strategy
    if (typeof name !== 'string' || name === '') {
      problems.push({ field: `${field}.name`, value: describeValue(name), fix: 'give a name that is not empty' })
    } else if (names.has(name)) {
      problems.push({ field: `${field}.name`, value: describeValue(name), fix: 'give every strategy its own name' })
    }
    names.add(name)
  })
  if (problems.length > 0) throw new ConfigurationError(subject, problems)
}
