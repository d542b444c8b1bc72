import type { SoraPipelineError } from '../../contracts/errors.js'
import { ContentRejectedError, GenerationFailedError } from '../../contracts/upstream-errors.js'
import { excerptOf, isRecord } from '../../upstream/error-details.js'
import { isModerationVerdict } from '../../upstream/moderation-verdict.js'
import type { Mask } from '../../upstream/secret.js'

/** What an upstream said of a job that will give no video. */
export interface JobFailure {
  readonly id: string
  /** `error` of the answer: an object with `code` and `message`, or a text. */
  readonly error: unknown
  /** The state word, for answers that say no more, such as `expired`. */
  readonly state: string
  readonly mask: Mask
}

/**
 * The verdict on a job: `ContentRejectedError` when a code, a type or the sentence names moderation, else
 * `GenerationFailedError` with the upstream's own code, or the state when it gave none.
 */
export function jobFailure({ id, error, state, mask }: JobFailure): SoraPipelineError {
  const layer = isRecord(error) ? error : {}
  const words = [layer.code, layer.type, ...(state === 'moderated' ? [state] : [])]
    .filter((word) => typeof word === 'string' || typeof word === 'number')
    .map(String)
    .filter((word) => word !== '')
  const sentence = excerptOf(typeof error === 'string' ? error : String(layer.message ?? ''), mask)
  const upstreamCode = excerptOf(words[0] ?? state, mask)
  const message = `Could not generate the video: job ${mask(id)} ended as ${state}${detail(upstreamCode, state, sentence)}`
  if (isModerationVerdict(words, sentence)) return new ContentRejectedError(message)
  return new GenerationFailedError(message, { upstreamCode })
}

/** Whether the `error` of an answer says anything: servers also send `null`, an empty text or an empty object. */
export function saysError(error: unknown): boolean {
  if (isRecord(error)) return Object.values(error).some((value) => value !== null && value !== '')
  return error !== undefined && error !== null && error !== '' && error !== false
}

function detail(upstreamCode: string, state: string, sentence: string): string {
  return [upstreamCode === state ? '' : upstreamCode, sentence]
    .filter(Boolean)
    .map((part) => `, ${part}`)
    .join('')
}
