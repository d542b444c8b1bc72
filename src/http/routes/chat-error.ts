import { isSoraPipelineError, type SoraPipelineError, toErrorJson } from '../../contracts/errors.js'
import { type InputProblem, InvalidRequestError } from '../../contracts/input-errors.js'
import { AllStrategiesFailedError } from '../../contracts/run-errors.js'

interface Wording {
  readonly value: string
  readonly fix: (problem: InputProblem) => string
}

// Fields that a chat lacks, by what a message has in their place.
const WORDINGS: readonly (readonly [field: RegExp, wording: Wording])[] = [
  [
    /^references(?:$|\[)/,
    {
      value: 'a message with several images',
      fix: ({ field, fix }) => `give one image: several are ${field} of the video, ${fix}`,
    },
  ],
  [
    /^audioInput$/,
    {
      value: 'a message with a sound',
      fix: ({ fix }) => `leave the sound out: it is audioInput of the video, ${fix}`,
    },
  ],
]

/**
 * The error of a run in the words of a chat, which has no fields `references` and `audioInput`: they are the images and the sound of a
 * message. Those of a chain are put into these words as well.
 * @param field - Path of that message; `undefined` if it has neither.
 */
export function chatErrorOf(error: unknown, field: string | undefined): unknown {
  if (field === undefined || !isSoraPipelineError(error)) return error
  return error.code === 'all-strategies-failed' ? chainErrorOf(error, field) : requestErrorOf(error, field)
}

function chainErrorOf(error: SoraPipelineError, field: string): SoraPipelineError {
  const given = 'errors' in error && Array.isArray(error.errors) ? error.errors : []
  const errors = given.map((one) => chatErrorOf(one, field))
  if (errors.every((one, index) => one === given[index])) return error
  const { message, isRetryable, stage, strategy, handle } = error
  return new AllStrategiesFailedError(message, { errors, isRetryable, stage, strategy, handle, cause: error })
}

// An error that was read from a store has the code and the problems, but not the class.
function requestErrorOf(error: SoraPipelineError, field: string): SoraPipelineError {
  const given = error.code === 'request-invalid' ? (toErrorJson(error).problems ?? []) : []
  const problems = given as readonly InputProblem[]
  if (!problems.some((problem) => wordingOf(problem) !== undefined)) return error
  const worded = problems.map((problem) => {
    const wording = wordingOf(problem)
    return wording === undefined ? problem : { field, value: wording.value, fix: wording.fix(problem) }
  })
  const { stage, strategy } = error
  return new InvalidRequestError(worded, { stage, strategy, cause: error })
}

function wordingOf({ field }: InputProblem): Wording | undefined {
  return WORDINGS.find(([name]) => name.test(field))?.[1]
}
