import { type GeneratorRoutes, isPlaceIn } from '../../calling/generator-routes.js'
import type { Generator } from '../../contracts/generator.js'
import type { JsonValue } from '../../contracts/json.js'
import { SubmissionUnknownError } from '../../contracts/run-errors.js'
import { placed, type Submission } from '../state/submission.js'

/**
 * A submission with its place in the chain of generators as it is now, for which one that was never sent goes to the first.
 * @throws SubmissionUnknownError when it was sent and its generator cannot be told: in a chain that has changed since, or, as version
 * 0.1.0 saved places only, may have.
 */
export function inItsPlace(routes: GeneratorRoutes, submission: Submission): Submission {
  const { generators } = routes
  const { state, generator, cursor } = submission
  const isPlaced = isPlaceIn(routes, cursor)
  if (state === 'ready') {
    const first = routes.first()
    return isPlaced ? submission : placed(submission, first, routes.at(first).generator.name)
  }
  const names = generators.map(({ name }) => name).join(', ')
  if (generator === null && generators.length > 1) {
    throw new SubmissionUnknownError(
      `Could not tell which generator the submission went to, version 0.1.0 did not save it: one of ${names}`,
    )
  }
  if (isPlaced) return submission
  const [only] = generators
  if (generators.length === 1 && only !== undefined && isOf(only, submission)) {
    return placed(submission, routes.first(), only.name)
  }
  throw new SubmissionUnknownError(
    `Could not find the place of the submission, the chain of generators has changed: now ${names}`,
  )
}

// Without a name: a place among several may have been that of a generator that is gone.
function isOf(only: Generator, { generator, cursor }: Submission): boolean {
  return generator === null ? !isAmongSeveral(cursor) : generator === only.name
}

// The fields of the places of `fallback` and `balance`.
function isAmongSeveral(cursor: JsonValue): boolean {
  return /"(index|tried)":/.test(JSON.stringify(cursor))
}
