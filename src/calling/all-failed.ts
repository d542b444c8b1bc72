import { AllStrategiesFailedError } from '../contracts/run-errors.js'
import type { Verb } from './stage-calls.js'

/** The end of a chain in which every strategy failed. */
export function allFailed(verb: Verb, members: readonly { name: string }[], errors: readonly unknown[]): Error {
  const names = members.map((member) => member.name).join(', ')
  return new AllStrategiesFailedError(`Could not ${verb}, every strategy of the chain failed: ${names}`, {
    errors,
    stage: verb,
  })
}
