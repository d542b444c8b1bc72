import { describeValue } from '../../../contracts/errors.js'
import { InvalidRequestError } from '../../../contracts/input-errors.js'
import type { JsonObject } from '../../../contracts/json.js'
import type { ApiAnswer } from '../../../upstream/api.js'
import { isRecord } from '../../../upstream/is-record.js'
import { isPlainHttp } from '../../../upstream/plain-http.js'
import { holdsSecret } from '../../../upstream/secret.js'
import type { FinishedJob } from './finished-job.js'
import { maskedData } from './operation-data.js'

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
  /** What `create` and `read` keep for later requests about the job. */
  readonly data?: JsonObject
}

/** The operation of a job that was accepted, with the addresses that its answer names and the data that is kept with it. */
export function operationOf({ id, body, answer, api }: FinishedJob, kept: JsonObject = {}): TaskApiOperation {
  const own = (value: string | undefined) => ownUrl(value, answer, api.origin)
  const { reading } = body
  const [pollUrl, resultUrl, cancelUrl] = [own(body.pollAddress), own(reading?.resultUrl), own(reading?.cancelUrl)]
  const data = maskedData({ ...kept, ...reading?.data }, answer.mask)
  return {
    id,
    ...(pollUrl !== undefined && { pollUrl }),
    ...(resultUrl !== undefined && { resultUrl }),
    ...(cancelUrl !== undefined && { cancelUrl }),
    ...(Object.keys(data).length > 0 && { data }),
  }
}

/** Whether an id can be a part of a path: dots alone would name another address. */
export function isAddressable(id: string): boolean {
  return id !== '.' && id !== '..'
}

/**
 * Refuses an operation that a person or another program wrote without an id: another job could be read in its place.
 * @throws InvalidRequestError when `id` is not a text, or only dots, or `data` not an object.
 */
export function checkOperation(operation: TaskApiOperation): void {
  const { id, data } = Object(operation) as Partial<TaskApiOperation>
  if (typeof id !== 'string' || id === '' || !isAddressable(id)) {
    const fix = 'settle the run with the id of the job as text'
    throw new InvalidRequestError([{ field: 'operation.id', value: describeValue(id), fix }])
  }
  if (data === undefined || isRecord(data)) return
  const fix = 'settle the run with the data of the job as an object'
  throw new InvalidRequestError([{ field: 'operation.data', value: describeValue(data), fix }])
}

/** An address of an answer on the API's own origin: the key is sent to it, and it may be kept in handles and stores. */
export function ownUrl(value: string | undefined, answer: ApiAnswer, origin: string): string | undefined {
  if (value === undefined || !URL.canParse(value, answer.url)) return undefined
  const url = new URL(value, answer.url)
  const isUsable = url.origin === origin && isPlainHttp(url) && !holdsSecret(url.href, answer.secrets)
  return isUsable ? url.href : undefined
}
