import { generatorRoutesOf } from '../calling/generator-routes.js'
import { stageOf } from '../calling/stage-calls.js'
import { describeValue } from '../contracts/errors.js'
import type { Generator } from '../contracts/generator.js'
import type { InputProblem } from '../contracts/input-errors.js'

const STRATEGIES = {
  generator: { stage: 'generate', verb: 'generate, or start and poll' },
  publisher: { stage: 'publish', verb: 'publish' },
  resolver: { stage: 'resolve', verb: 'resolve' },
  uploader: { stage: 'upload', verb: 'upload' },
} as const

/** The options that take a strategy. */
export const STRATEGY_OPTIONS: readonly string[] = Object.keys(STRATEGIES)

/** What is wrong with the strategies of a pipeline. */
export function strategyProblems(
  options: { readonly generator: Generator } & Partial<Record<keyof typeof STRATEGIES, unknown>>,
  isFineElsewhere: boolean,
): readonly InputProblem[] {
  const problems: InputProblem[] = []
  const add = (field: string, value: unknown, fix: string) => problems.push({ field, value: describeValue(value), fix })
  for (const [field, { stage, verb }] of Object.entries(STRATEGIES)) {
    const strategy: unknown = options[field as keyof typeof STRATEGIES]
    if (strategy === undefined && field !== 'generator') continue
    if (!canDo(strategy, stage)) add(field, strategy, `give an object that can ${verb}`)
    else if (!hasName(strategy)) add(`${field}.name`, strategy.name, 'give a name that is not empty')
  }
  if (isFineElsewhere && problems.length === 0) problems.push(...sharedNames(options.generator))
  return problems
}

// A submission is bound to its generator by name.
function sharedNames(chain: Generator): readonly InputProblem[] {
  const names = generatorRoutesOf(chain).generators.map(({ name }) => name)
  const shared = new Set(names.filter((name, index) => names.indexOf(name) !== index))
  const fix = 'give every generator of the chain its own name'
  return [...shared].map((name) => ({ field: 'generator', value: `${describeValue(name)} twice`, fix }))
}

// A class may have several verbs; in the slot of a stage the slot decides.
function canDo(strategy: unknown, stage: string): strategy is { name: unknown } {
  if (typeof strategy !== 'object' || strategy === null) return false
  if (stageOf(strategy) === stage) return true
  return typeof (strategy as Record<string, unknown>)[stage] === 'function'
}

function hasName(strategy: { name: unknown }): boolean {
  return typeof strategy.name === 'string' && strategy.name !== ''
}
