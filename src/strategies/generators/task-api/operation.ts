import { describeValue } from '../../../contracts/errors.js'
import { InvalidRequestError } from '../../../contracts/input-errors.js'
import type { JsonObject } from '../../../contracts/json.js'
import type { StageWarning } from '../../../contracts/stage.js'
import type { ApiAnswer } from '../../../upstream/api.js'
import { excerptOf } from '../../../upstream/error-details.js'
import { isRecord } from '../../../upstream/is-record.js'
import { isPlainHttp } from '../../../upstream/plain-http.js'
import { carriesSecret, holdsSecret } from '../../../upstream/secret.js'
import type { FinishedJob } from './finished-job.js'
import { maskedData } from './operation-data.js'

/** A job at an API of the submit-and-poll kind. Every address except that of a video is on the API's own origin. */
export type TaskApiOperation = {
  /** Id of the job at the API. */
  readonly id: string
  /** Address for polls, if the API gave one. */
  readonly pollUrl?: string
  /** Address of the result of the finished job, if the API gave one. */
  readonly resultUrl?: string
  /** Address that cancels the job, if the API gave one. */
  readonly cancelUrl?: string
  /** Address that the answer to the submission named without a state: the video, if the server turns out to have no such job. */
  readonly videoUrl?: string
  /** What `create` and `read` keep for later requests about the job. */
  readonly data?: JsonObject
  /** Digests of the media that the request gave: an answer that repeats one of them does not name the video with it. */
  readonly inputs?: readonly string[]
}

/** The operation of a job that was accepted, with the addresses that its answer names and the data that is kept with it. */
export function operationOf(
  { id, body, answer, api, inputs = [] }: FinishedJob,
  kept: JsonObject = {},
): TaskApiOperation {
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
    ...(inputs.length > 0 && { inputs }),
  }
}

const DOTS = /^\.{1,2}$/
const ADDRESSES = ['pollUrl', 'resultUrl', 'cancelUrl'] as const

/** The warning about an address that `read` gave and that is not used, because the key would be sent to it; `undefined` without one. */
export function foreignAddress(
  { body, answer, api }: FinishedJob,
  names: readonly (typeof ADDRESSES)[number][] = ADDRESSES,
): StageWarning | undefined {
  const name = names.find((one) => {
    const given = body.reading?.[one]
    return given !== undefined && ownUrl(given, answer, api.origin) === undefined
  })
  if (name === undefined) return undefined
  const given = describeValue(excerptOf(body.reading?.[name] ?? '', answer.mask))
  const message = `Could not use ${name} of read() at ${api.subject}: ${given} is not on the origin of baseUrl, ${api.origin}`
  return { code: 'foreign-address', message }
}

/** Why the id of a job cannot be kept, or be a part of an address; `undefined` for a usable one. */
export function flawOfId({ id, answer }: FinishedJob): string | undefined {
  // The id would appear in events, handles and stores.
  if (carriesSecret(id, answer.secrets)) return 'the id of the job contains the key'
  return isUnusable(id) ? `the id of the job cannot be a part of an address: ${describeValue(id)}` : undefined
}

/**
 * Refuses an operation that a person or another program wrote without an id: another job could be read in its place.
 * @throws InvalidRequestError when `id` is not a text, or only dots, or has half of a surrogate pair, or `data` is not an object.
 */
export function checkOperation(operation: TaskApiOperation): void {
  const { id, data } = Object(operation) as Partial<TaskApiOperation>
  if (typeof id !== 'string' || id === '' || isUnusable(id)) {
    const fix = 'settle the run with the id of the job as text'
    throw new InvalidRequestError([{ field: 'operation.id', value: describeValue(id), fix }])
  }
  if (data === undefined || isRecord(data)) return
  const fix = 'settle the run with the data of the job as an object'
  throw new InvalidRequestError([{ field: 'operation.data', value: describeValue(data), fix }])
}

// Dots name another address, and half of a surrogate pair cannot be encoded.
function isUnusable(id: string): boolean {
  return DOTS.test(id) || !id.isWellFormed()
}

/** An address of an answer on the API's own origin: the key is sent to it, and it may be kept in handles and stores. */
export function ownUrl(value: string | undefined, answer: ApiAnswer, origin: string): string | undefined {
  if (value === undefined || !URL.canParse(value, answer.url)) return undefined
  const url = new URL(value, answer.url)
  const isUsable = url.origin === origin && isPlainHttp(url) && !holdsSecret(url.href, answer.secrets)
  return isUsable ? url.href : undefined
}
