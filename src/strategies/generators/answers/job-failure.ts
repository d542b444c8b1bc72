import type { SoraPipelineError } from '../../../contracts/errors.js'
import { ContentRejectedError, GenerationFailedError } from '../../../contracts/upstream-errors.js'
import { excerptOf } from '../../../upstream/error-details.js'
import {
  ERROR_FIELDS,
  REASON_FIELDS,
  saysError,
  sentenceOf,
  sentencesOf,
  wordsOf,
} from '../../../upstream/error-meaning.js'
import { isModerationVerdict } from '../../../upstream/moderation-verdict.js'
import type { Mask } from '../../../upstream/secret.js'
import { firstIn, type Layer } from './answer-layers.js'

/** The report of an upstream about a job that will give no video. */
export interface JobFailure {
  readonly id: string
  /** The layers of the answer. */
  readonly layers: readonly Layer[]
  /** The final state of the job, such as `expired`, for answers without a reason. */
  readonly state: string
  readonly mask: Mask
}

const FLAGS = ['moderated', 'is_moderated', 'moderation_blocked'] as const
const COUNTS = ['rai_media_filtered_count'] as const
const FILTER_REASONS = ['rai_media_filtered_reasons', 'reason_str', 'markdown_reason_str'] as const
const KINDS = ['kind', 'type', 'finish_reason', 'status', 'code'] as const
const DEEPEST = 4

/**
 * The verdict on a job: `ContentRejectedError` when a code, a type, a flag or the sentence names moderation, else
 * `GenerationFailedError` with the upstream's own code, or the state if there is none.
 */
export function jobFailure({ id, layers, state, mask }: JobFailure): SoraPipelineError {
  const error = firstIn(layers, ERROR_FIELDS, meant)
  const reason = sentenceOf(error) || filterReason(layers) || (firstIn(layers, REASON_FIELDS, sentenceIn) ?? '')
  // A reason without a blank is a code, such as `output_moderation`.
  const word = /^[\w.:-]{1,80}$/.test(reason) ? [reason] : []
  const words = [...wordsOf(error), ...layers.flatMap(ownWords), ...word]
  // A gateway's own sentence may only announce another one.
  const verdict = sentencesOf(error).find((said) => isModerationVerdict([], said))
  const sentence = excerptOf(verdict ?? reason, mask)
  const upstreamCode = excerptOf(words[0] ?? state, mask)
  const message = `Could not generate the video: job ${mask(id)} ended as ${state}${detail(upstreamCode, state, sentence)}`
  if (state === 'moderated' || isModerationVerdict(words, sentence)) return new ContentRejectedError(message)
  return new GenerationFailedError(message, { upstreamCode })
}

/** Whether an answer contains an error, judged by its meaning, in an error field. */
export function hasError(layers: readonly Layer[]): boolean {
  return firstIn(layers, ERROR_FIELDS, meant) !== undefined
}

/** Whether an answer withholds its video for moderation: `moderated: true`, and `respect_moderation: false` of xAI. */
export function isModerated(layers: readonly Layer[]): boolean {
  const isFlagged = (layer: Layer) => FLAGS.some((name) => layer[name] === true) || layer.respect_moderation === false
  return someIn(layers, isFlagged)
}

/**
 * Whether an answer reports videos that were made but withheld, by their number, as Google does, or by their kind,
 * such as `sora_content_violation`; other videos of the same job may be available.
 */
export function isFiltered(layers: readonly Layer[]): boolean {
  return someIn(layers, (layer) => {
    const kinds = KINDS.map((name) => layer[name]).filter((kind) => typeof kind === 'string')
    const reason = firstIn([layer], FILTER_REASONS, sentenceIn) ?? ''
    return COUNTS.some((name) => Number(layer[name]) > 0) || isModerationVerdict(kinds, reason)
  })
}

function filterReason(layers: readonly Layer[]): string {
  let reason = ''
  someIn(layers, (layer) => {
    reason ||= firstIn([layer], FILTER_REASONS, sentenceIn) ?? ''
    return reason !== ''
  })
  return reason
}

function someIn(value: unknown, is: (layer: Layer) => boolean, depth = 0): boolean {
  if (typeof value !== 'object' || value === null || depth > DEEPEST) return false
  if (Array.isArray(value)) return value.slice(0, 20).some((entry) => someIn(entry, is, depth + 1))
  return is(value as Layer) || Object.values(value).some((part) => someIn(part, is, depth + 1))
}

// new-api puts the address of the finished video into the field for the reason.
function meant(value: unknown): unknown {
  const isAddress = typeof value === 'string' && /^(?:https?:\/\/|data:)\S+$/.test(value.trim())
  return saysError(value) && !isAddress ? value : undefined
}

function sentenceIn(value: unknown): string | undefined {
  const sentence = meant(value) === undefined ? '' : sentenceOf(value)
  return sentence === '' ? undefined : sentence
}

// Words of the job's own layer that name an error; its `status`, `type` and `code` are about the job and the answer.
function ownWords(layer: Layer): readonly string[] {
  return ['error_code', 'error_type', 'failure_code', 'err_code', 'code', 'status_code']
    .map((name) => layer[name])
    .filter((word) => saysError(word) && (typeof word === 'string' || typeof word === 'number'))
    .map(String)
}

function detail(upstreamCode: string, state: string, sentence: string): string {
  return [upstreamCode === state || upstreamCode === sentence ? '' : upstreamCode, sentence]
    .filter(Boolean)
    .map((part) => `, ${part}`)
    .join('')
}
