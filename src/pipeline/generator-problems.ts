import { generatorRoutesOf } from '../calling/generator-routes.js'
import { type OptionProblem, type OptionRules, optionProblem, problemsOfOptions } from '../contracts/check-options.js'
import type { Generator } from '../contracts/generator.js'
import { choice, number, trueOrFalse } from '../contracts/option-rules.js'
import type { SubmissionSupport } from '../contracts/submission-support.js'
import { fieldOf } from '../contracts/thrown-value.js'

const SUBMISSION: OptionRules<SubmissionSupport> = {
  idempotency: choice('key', 'none'),
  lookup: choice('key', 'fingerprint', 'none'),
  settleMs: number((value) => value >= 0 && value < Number.POSITIVE_INFINITY, 'give finite milliseconds from 0'),
  callback: trueOrFalse,
}
const VERBS = ['generate', 'start', 'poll'] as const
const METHODS = ['prepare', 'pollMany', 'find', 'cancel', 'openVariant', 'checkOperation', 'check'] as const

/**
 * The problems of each generator of a chain that would only show after a submission was paid: what it declares about submissions of
 * unknown outcome, methods that are none, and the methods of both kinds of generator.
 */
export function generatorProblems(chain: Generator): readonly OptionProblem[] {
  const { generators } = generatorRoutesOf(chain)
  return generators.flatMap((generator) => [
    ...bothKinds(generator),
    ...('start' in generator ? taskProblems(generator) : []),
  ])
}

// Only one of the two would be called, and which one would decide what a lost answer costs.
function bothKinds(generator: object): readonly OptionProblem[] {
  const verbs = VERBS.filter((verb) => typeof fieldOf(generator, verb) === 'function')
  if (!verbs.includes('generate') || verbs.length === 1) return []
  const named = verbs.map((verb) => `${verb}()`)
  const value = `an object with ${named.slice(0, -1).join(', ')} and ${named.at(-1)}`
  return [{ field: 'generator', value, fix: 'give generate, or start and poll, and leave the other out' }]
}

function taskProblems(generator: object): readonly OptionProblem[] {
  const submission = fieldOf(generator, 'submission')
  const wrong = METHODS.filter((name) => {
    const method = fieldOf(generator, name)
    return typeof method !== 'function' && method !== undefined
  })
  const methods = wrong.map((name) => optionProblem(`generator.${name}`, fieldOf(generator, name), 'give a function'))
  if (submission === undefined) return methods
  return [...methods, ...problemsOfOptions('generator.submission', submission, SUBMISSION)]
}
