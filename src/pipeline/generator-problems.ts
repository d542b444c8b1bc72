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
const METHODS = ['prepare', 'pollMany', 'find', 'cancel', 'openVariant', 'checkOperation', 'check'] as const

/**
 * The problems of each generator of a chain that would only show after a submission was paid: what it declares about submissions of
 * unknown outcome, and methods that are none.
 */
export function generatorProblems(chain: Generator): readonly OptionProblem[] {
  const { generators } = generatorRoutesOf(chain)
  return generators.flatMap((generator) => ('start' in generator ? taskProblems(generator) : []))
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
