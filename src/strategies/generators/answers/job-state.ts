/** The meaning of an upstream's word for the state of a job. */
export type JobState = 'queued' | 'running' | 'completed' | 'failed' | 'moderated' | 'cancelled' | 'expired' | 'unknown'

/** Fields that contain the state of a job. */
export const STATE_FIELDS = [
  'status',
  'state',
  'task_status',
  'job_status',
  'task_state',
  'video_status',
  'generation_status',
  'phase',
] as const

const WORDS: Readonly<Record<Exclude<JobState, 'unknown'>, string>> = {
  queued:
    'queued queueing queuing queue in_queue in_line pending submitted submitting submit not_start notstarted not_started created ' +
    'accepted starting preparing preprocessing throttled scheduled scheduling waiting wait initialized initializing new validating ' +
    '排队中 等待中 待处理',
  running:
    'in_progress inprogress in_process processing process running run generating generate postprocessing post_processing dreaming ' +
    'executing rendering started active working progressing uploading encoding downloading polling 生成中 处理中 进行中',
  completed:
    'completed complete success successful successfully succeeded succeed finished finish done ready ok generated available ' +
    'completed_successfully partially_completed fertig abgeschlossen 成功 已完成 完成 生成成功 生成完成 完了 완료 완료됨',
  failed:
    'failed failure fail error errored dead rejected timeout timed_out time_out timedout unsuccessful crashed killed invalid ' +
    'interrupted lost exception refunded dead_letter fehlgeschlagen 失败 已失败 生成失败 失敗 エラー 실패 실패함',
  moderated:
    'moderated content_moderated request_moderated blocked censored nsfw content_filter content_filtered filtered flagged ' +
    'content_violation content_policy_violation policy_violation safety_rejected 审核不通过 审核未通过 审核失败',
  cancelled:
    'cancelled canceled cancel aborted deleted terminated revoked stopped cancelled_by_user canceled_by_user abgebrochen 已取消 ' +
    'キャンセル 취소됨',
  expired: 'expired 已过期',
}

const STATES: ReadonlyMap<string, JobState> = new Map(
  Object.entries(WORDS).flatMap(([state, words]) => words.split(' ').map((word) => [word, state as JobState])),
)
// `JOB_STATE_FAILED`, `VIDEO_GENERATION_STATUS_SUCCEED`, `PROCESS_SUCCESS`.
const PREFIX =
  /^(?:(?:job|task|video|generation|operation|prediction|process|render|request|run|workflow)_)*(?:(?:state|status)_)?/
// `TIMEOUT_FAILED`, `failed_nsfw`: whichever step failed, the job did; not `failed_retrying` and `not_failed`.
const FAILED = /^(?!not?_)(?:(?:failed|error|rejected|blocked)_(?!.*retry)|.*_(?:failed|failure|error)$)/
const OF_MODERATION = /moderat|nsfw|safety|sensitive|policy|filter/

/**
 * The state behind a word such as `IN_PROGRESS`, `Content Moderated` or `JOB_STATE_FAILED`, whatever its case,
 * separators and prefix. A word that is not in the table is `unknown`, which is not final: only the deadline ends a
 * job whose state cannot be read.
 */
export function jobStateOf(word: string): JobState {
  const exact = STATES.get(word)
  if (exact !== undefined) return exact
  const plain = word
    .trim()
    .replace(/([a-z])([A-Z])/g, '$1_$2')
    .toLowerCase()
    .replace(/[-\s]+/g, '_')
    .replace(/[.。]$/, '')
  const known = STATES.get(plain) ?? STATES.get(plain.replace(PREFIX, ''))
  if (known !== undefined || !FAILED.test(plain)) return known ?? 'unknown'
  return OF_MODERATION.test(plain) ? 'moderated' : 'failed'
}

/** Whether a text is exactly a word of the table, in lower case: nothing in it has to be hidden. */
export function isStateWord(word: string): boolean {
  return STATES.has(word)
}

/** Whether a value can be a state: a word, or the negative number that some servers send for a failed job. */
export function isState(value: unknown): value is string | number {
  return typeof value === 'number' ? value < 0 : typeof value === 'string' && /\D/.test(value)
}

// Servers with numeric states, recognised by fields that only they have: PixVerse, kie, Akool.
const NUMBERED: readonly (readonly [field: string, beside: string, words: Readonly<Record<string, string>>])[] = [
  ['status', 'resp', { 1: 'completed', 5: 'running', 6: 'deleted', 7: 'moderated', 8: 'failed' }],
  ['success_flag', 'success_flag', { 0: 'running', 1: 'completed', 2: 'failed', 3: 'failed' }],
  ['video_status', 'video_status', { 1: 'queued', 2: 'running', 3: 'completed', 4: 'failed' }],
]

/** The word for a numeric state, if other fields of the answer identify the server. */
export function numberedState(layers: readonly Readonly<Record<string, unknown>>[]): string | undefined {
  for (const [field, beside, words] of NUMBERED) {
    const number = layers.map((layer) => layer[field]).find((value) => typeof value === 'number')
    const isTheirs = layers.some((layer) => Object.hasOwn(layer, beside))
    if (isTheirs && typeof number === 'number' && words[number] !== undefined) return words[number]
  }
  return undefined
}

/** The word of a state as it was written; `failed` for a negative number. */
export function stateWordOf(value: unknown): string | undefined {
  if (!isState(value)) return undefined
  return typeof value === 'number' ? 'failed' : value
}
