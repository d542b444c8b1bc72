import { isSoraPipelineError } from '../../../contracts/errors.js'
import { InvalidRequestError } from '../../../contracts/input-errors.js'
import { networkCodeOf } from '../../../contracts/network-code.js'
import { SubmissionUnknownError } from '../../../contracts/run-errors.js'
import { bugNameOf, errorStatusOf, mayHaveBeenAccepted } from '../../../contracts/submission.js'
import { causeChainOf, errorNamesOf, fieldOf } from '../../../contracts/thrown-value.js'
import { AuthenticationError, UpstreamResponseError } from '../../../contracts/upstream-errors.js'
import { answerError } from '../../../upstream/answer-error.js'
import { excerptOf } from '../../../upstream/error-details.js'
import { isRecord } from '../../../upstream/is-record.js'
import { hostOf, networkFailure } from '../../../upstream/network-failure.js'
import { requestIdFrom } from '../../../upstream/request-id.js'
import { maskOf } from '../../../upstream/secret.js'
import { jobFailure } from '../answers/job-failure.js'

/** The call of a model that failed. */
export interface FailedCall {
  /** Such as `poll the job`. */
  readonly what: string
  /** Name of the generator. */
  readonly name: string
  readonly isSubmission: boolean
}

const NEVER = new AbortController().signal
// The AI SDK throws them before it sends anything.
const NO_KEY = /^AI_Load(?:APIKey|Setting)Error$/
const REFUSED_INPUT = /^AI_(?:InvalidArgument|InvalidPrompt|UnsupportedFunctionality|NoSuchModel)Error$/
// Of a model that waits for its job itself, such as BYTEDANCE_VIDEO_GENERATION_FAILED.
const JOB_FAILED = /_GENERATION_FAILED$/
// Of a job that ended without a video that the model can read.
const NO_VIDEO = /_GENERATION_ERROR$/
// Of a request about a job that exists, such as `:fetchPredictOperation` or `/tasks/1/status`.
const POLL_PATH =
  /(?:^|[/:._-])(?:fetch|poll|get|check|query|status|operations?|results?|wait|cancel)(?=$|[/:._-]|[A-Z])/
const JOB_NAME = /(?:id|name|operation|status)$/i
const DEEPEST = 8
const mask = maskOf([])

/**
 * The error of the library for an error that a model threw. It is judged by its status, its headers, its code and its class;
 * `isRetryable` is ignored, because the AI SDK sets it for refused connections and for lost answers alike. The error itself is not
 * kept: it holds the prompt, the images and the answer.
 */
export function modelError(thrown: unknown, call: FailedCall): Error {
  if (isSoraPipelineError(thrown)) return thrown
  const { what, name, isSubmission } = call
  const chain = causeChainOf(thrown)
  const texts = (field: string) =>
    chain.map((link) => fieldOf(link, field)).find((value) => typeof value === 'string') as string | undefined
  const names = chain.flatMap(errorNamesOf)
  const said = excerptOf(texts('message') ?? '', mask)
  if (names.some((one) => NO_KEY.test(one)))
    return new AuthenticationError(`Could not ${what}: ${name} has no key, ${said}`)
  if (isSubmission && names.some((one) => REFUSED_INPUT.test(one))) {
    return new InvalidRequestError([{ field: 'providerOptions', value: 'refused', fix: said }])
  }
  if (names.some((one) => JOB_FAILED.test(one))) {
    return jobFailure({ id: name, layers: [{ error: texts('message') ?? '' }], state: 'failed', mask })
  }
  const url = texts('url') ?? ''
  // Around it, the AI Gateway has an error with a status of its own.
  const ofCall = chain.find((link) => fieldOf(link, 'requestBodyValues') !== undefined) ?? thrown
  const status = errorStatusOf(ofCall)
  const headers = headersOf(chain.map((link) => fieldOf(link, 'responseHeaders')).find(isRecord) ?? {})
  if (status !== undefined && status >= 300) {
    const text = texts('responseBody') ?? texts('message') ?? ''
    return answerError({ what, url, status, headers, text, mask, isSubmission })
  }
  if (status === undefined && networkCodeOf(ofCall) !== undefined) {
    return networkFailure(ofCall, { what, url, mask }, NEVER) as Error
  }
  const place = url === '' ? name : hostOf(url)
  return new UpstreamResponseError(`Could not ${what}: unusable answer from ${place}${said && `, ${said}`}`, {
    status,
    url: url === '' ? undefined : mask(url),
    requestId: requestIdFrom(headers, mask),
    isRetryable: bugNameOf(thrown) === undefined && !names.some((one) => NO_VIDEO.test(one)),
  })
}

/** The error with which `start` rejects: the outcome is unknown, unless the error proves that nothing was accepted. */
export function startError(thrown: unknown, name: string): Error {
  const error = modelError(thrown, { what: 'submit the video', name, isSubmission: true })
  return mayHaveBeenAccepted(error) ? unknownOutcome(error, name) : error
}

/**
 * The error with which `generate` rejects. The model submits and polls in one call, so the status of an answer proves a refusal only
 * if it certainly answers the submission: the AI SDK keeps the body of the request in the error, and only a submission has the prompt
 * in it. A poll may have a body as well, such as `{ operationName }` of Vertex.
 */
export function generateError(thrown: unknown, name: string, prompt: string): Error {
  const error = modelError(thrown, { what: 'generate the video', name, isSubmission: true })
  const isAnswer = errorStatusOf(thrown) !== undefined || networkCodeOf(thrown) !== undefined
  const isProof = isSoraPipelineError(thrown) || !isAnswer || isOfSubmission(thrown, prompt)
  return !isProof || mayHaveBeenAccepted(error) ? unknownOutcome(error, name) : error
}

function isOfSubmission(thrown: unknown, prompt: string): boolean {
  const requests = causeChainOf(thrown).filter((link) => fieldOf(link, 'requestBodyValues') !== undefined)
  return requests.length > 0 && requests.every((link) => isSubmission(link, prompt))
}

function isSubmission(link: unknown, prompt: string): boolean {
  const url = fieldOf(link, 'url')
  const isPoll = typeof url === 'string' && POLL_PATH.test(URL.canParse(url) ? new URL(url).pathname : url)
  return !isPoll && prompt !== '' && hasPrompt(fieldOf(link, 'requestBodyValues'), prompt, DEEPEST)
}

// A text that is the prompt, in a field that is not the name of a job.
function hasPrompt(value: unknown, prompt: string, depth: number): boolean {
  if (depth === 0 || typeof value !== 'object' || value === null) return false
  return Object.entries(value).some(([name, entry]) =>
    typeof entry === 'string' ? entry === prompt && !JOB_NAME.test(name) : hasPrompt(entry, prompt, depth - 1),
  )
}

function unknownOutcome(error: Error, name: string): SubmissionUnknownError {
  if (isSoraPipelineError(error) && error.code === 'submission-unknown') return error as SubmissionUnknownError
  return new SubmissionUnknownError(`Could not learn whether ${name} accepted the job: ${error.message}`, {
    cause: error,
  })
}

function headersOf(given: Readonly<Record<string, unknown>>) {
  const named = new Map(Object.entries(given).map(([name, value]) => [name.toLowerCase(), value]))
  return {
    get: (name: string) => {
      const value = named.get(name)
      return typeof value === 'string' ? value : null
    },
  }
}
