import { generatorRoutesOf } from '../calling/generator-routes.js'
import { stageOf } from '../calling/stage-of.js'
import { type OptionProblem, optionProblem } from '../contracts/check-options.js'
import { describeValue } from '../contracts/errors.js'
import type { Generator } from '../contracts/generator.js'
import type { InputProblem } from '../contracts/input-errors.js'

const STRATEGIES = {
  generator: { stage: 'generate', verb: 'generate, or start and poll' },
  publisher: { stage: 'publish', verb: 'publish' },
  resolver: { stage: 'resolve', verb: 'resolve' },
  uploader: { stage: 'upload', verb: 'upload' },
} as const

/** The problems of the strategy of a slot. */
export function strategyProblems(field: keyof typeof STRATEGIES, strategy: unknown): readonly OptionProblem[] {
  const { stage, verb } = STRATEGIES[field]
  if (!canDo(strategy, stage)) return [optionProblem(field, strategy, `give an object that can ${verb}`)]
  if (hasName(strategy)) return []
  return [optionProblem(`${field}.name`, strategy.name, 'give a name that is not empty')]
}

/** The problems of the generators of a chain together. */
export function chainProblems(chain: Generator): readonly OptionProblem[] {
  return [...wrongUpstreams(chain), ...sharedNames(chain)]
}

// A job is polled only at the upstream that was saved with it.
function wrongUpstreams(chain: Generator): readonly InputProblem[] {
  const { generators } = generatorRoutesOf(chain)
  const wrong = generators.filter(({ upstream = 'none' }) => typeof upstream !== 'string' || upstream === '')
  const fix = 'give a text that is not empty, such as the address of the upstream, or leave it out'
  return wrong.map(({ upstream }) => ({ field: 'generator.upstream', value: describeValue(upstream), fix }))
}

// A submission is bound to its generator by name.
function sharedNames(chain: Generator): readonly InputProblem[] {
  const names = generatorRoutesOf(chain).generators.map(({ name }) => name)
  const shared = new Set(names.filter((name, index) => names.indexOf(name) !== index))
  const fix = 'give every generator of the chain its own name'
  return [...shared].map((name) => ({ field: 'generator', value: `${describeValue(name)} twice`, fix }))
}

// A class may have several verbs; the slot decides which one is used.
function canDo(strategy: unknown, stage: string): strategy is { name: unknown } {
  if (typeof strategy !== 'object' || strategy === null) return false
  if (stageOf(strategy) === stage) return true
  return typeof (strategy as Record<string, unknown>)[stage] === 'function'
}

function hasName(strategy: { name: unknown }): boolean {
  return typeof strategy.name === 'string' && strategy.name !== ''
}
