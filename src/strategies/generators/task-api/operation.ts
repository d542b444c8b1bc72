import { describeValue } from '../../../contracts/errors.js'
import { InvalidRequestError } from '../../../contracts/input-errors.js'
import type { ApiAnswer } from '../../../upstream/api.js'
import { isPlainHttp } from '../../../upstream/plain-http.js'
import { holdsSecret } from '../../../upstream/secret.js'
import type { FinishedJob } from './finished-job.js'

/** A job at an API of the submit-and-poll kind. Every address is on the API's own origin. */
export type TaskApiOperation = {
  /** Id of the job at the API. */
  readonly id: string
  /** Address for polls, if the API gave one. */
  readonly pollUrl?: string
  /** Address of the result of the finished job, if the API gave one. */
  readonly resultUrl?: string
  /** Address that cancels the job, if the API gave one. */
  readonly cancelUrl?: string
}

/** The operation of a job that was accepted, with the addresses that its answer names. */
export function operationOf({ id, body, answer, api }: FinishedJob): TaskApiOperation {
  const own = (value: string | undefined) => ownUrl(value, answer, api.origin)
  const { reading } = body
  const [pollUrl, resultUrl, cancelUrl] = [own(body.pollAddress), own(reading?.resultUrl), own(reading?.cancelUrl)]
  return {
    id,
    ...(pollUrl !== undefined && { pollUrl }),
    ...(resultUrl !== undefined && { resultUrl }),
    ...(cancelUrl !== undefined && { cancelUrl }),
  }
}

/**
 * Refuses an operation that a person or another program wrote without an id: another job could be read in its place.
 * @throws InvalidRequestError when `id` is not a text.
 */
export function checkOperation(operation: TaskApiOperation): void {
  const { id } = Object(operation) as Partial<TaskApiOperation>
  if (typeof id === 'string' && id !== '') return
  const fix = 'settle the run with the id of the job as text'
  throw new InvalidRequestError([{ field: 'operation.id', value: describeValue(id), fix }])
}

// The key is sent to it, and it is kept in handles and stores.
function ownUrl(value: string | undefined, answer: ApiAnswer, origin: string): string | undefined {
  if (value === undefined || !URL.canParse(value, answer.url)) return undefined
  const url = new URL(value, answer.url)
  const isUsable = url.origin === origin && isPlainHttp(url) && !holdsSecret(url.href, answer.secrets)
  return isUsable ? url.href : undefined
}
