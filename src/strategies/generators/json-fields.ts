import { optionProblem } from '../../contracts/check-options.js'
import { InvalidRequestError } from '../../contracts/input-errors.js'
import { flawInJson } from '../../contracts/is-json.js'
import type { VideoRequest } from '../../contracts/request.js'

/**
 * Checks the fields of a request that an upstream gets as they are, before anything is sent. A pipeline has checked them already.
 * @throws InvalidRequestError naming the part that JSON cannot hold, such as a bigint.
 */
export function checkJsonFields({ providerOptions, metadata }: VideoRequest): void {
  const flaws = [flawInJson(providerOptions, 'providerOptions'), flawInJson(metadata, 'metadata')]
  const problems = flaws.filter((flaw) => flaw !== undefined)
  if (problems.length === 0) return
  throw new InvalidRequestError(
    problems.map(({ field, value }) => optionProblem(field, value, 'give what JSON can hold; nothing was sent')),
  )
}
