import { InvalidRequestError } from '../../contracts/input-errors.js'

const REFERENCES = /^references(?:$|\[)/

/**
 * The error of a run in the words of a chat, which has no field `references`: they are the images of a message that has several.
 * @param field - Path of that message; `undefined` if there is none.
 */
export function chatErrorOf(error: unknown, field: string | undefined): unknown {
  if (
    field === undefined ||
    !(error instanceof InvalidRequestError) ||
    !error.problems.some((one) => REFERENCES.test(one.field))
  )
    return error
  const problems = error.problems.map((problem) => {
    if (!REFERENCES.test(problem.field)) return problem
    const value = 'a message with several images'
    return { field, value, fix: `give one image: several are ${problem.field} of the video, ${problem.fix}` }
  })
  return new InvalidRequestError(problems, { cause: error })
}
