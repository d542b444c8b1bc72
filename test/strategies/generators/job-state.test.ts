import { describe, expect, test } from 'vitest'
import {
  isState,
  type JobState,
  jobStateOf,
  stateWordOf,
} from '../../../src/strategies/generators/answers/job-state.js'

// The words of the servers that are known, a state each.
const WORDS: Readonly<Record<Exclude<JobState, 'unknown'>, readonly string[]>> = {
  queued: [
    ...[
      'queued',
      'queueing',
      'queuing',
      'queue',
      'in_queue',
      'in_line',
      'pending',
      'submitted',
      'submitting',
      'submit',
    ],
    ...['not_start', 'notstarted', 'not_started', 'created', 'accepted', 'starting', 'preparing', 'preprocessing'],
    ...['throttled', 'scheduled', 'scheduling', 'waiting', 'wait', 'initialized', 'initializing', 'new', 'validating'],
    ...['排队中', '等待中', '待处理'],
  ],
  running: [
    ...['in_progress', 'inprogress', 'in_process', 'processing', 'process', 'running', 'run', 'generating', 'generate'],
    ...['postprocessing', 'post_processing', 'dreaming', 'executing', 'rendering', 'started', 'active', 'working'],
    ...['progressing', 'uploading', 'encoding', 'downloading', 'polling', '生成中', '处理中', '进行中'],
  ],
  completed: [
    ...['completed', 'complete', 'success', 'successful', 'successfully', 'succeeded', 'succeed', 'finished', 'finish'],
    ...['done', 'ready', 'ok', 'generated', 'available', '成功', '已完成', '完成'],
  ],
  failed: [
    ...['failed', 'failure', 'fail', 'error', 'errored', 'dead', 'rejected', 'timeout', 'timed_out', 'time_out'],
    ...[
      'timedout',
      'unsuccessful',
      'crashed',
      'killed',
      'invalid',
      'interrupted',
      'lost',
      'exception',
      '失败',
      '生成失败',
    ],
  ],
  moderated: [
    ...['moderated', 'content_moderated', 'request_moderated', 'blocked', 'censored', 'nsfw', 'content_filter'],
    ...['content_filtered', 'filtered', 'flagged', 'content_violation', 'content_policy_violation', 'policy_violation'],
  ],
  cancelled: ['cancelled', 'canceled', 'cancel', 'aborted', 'deleted', 'terminated', 'revoked', 'stopped', '已取消'],
  expired: ['expired', '已过期'],
}
const cases = Object.entries(WORDS).flatMap(([state, words]) => words.map((word) => [word, state] as const))

describe('the word of a state', () => {
  test.each(cases)('%s is %s, however it is written', (word, state) => {
    const camel = word.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())
    for (const written of [
      word,
      word.toUpperCase(),
      ` ${word.replaceAll('_', '-')}\n`,
      word.replaceAll('_', '  '),
      camel,
    ])
      expect([written, jobStateOf(written)]).toEqual([written, state])
  })

  test.each([
    'JOB_STATE_FAILED',
    'TASK_STATUS_FAILED',
    'video_state_failed',
    'generation-status-failed',
    'STATE_FAILED',
    'PROCESS_FAILED',
    'TIMEOUT_FAILED',
    'LIMIT_RETRY_FAILED',
    'error_out_of_memory',
  ])('may have its own kind before it: %s', (word) => {
    expect(jobStateOf(word)).toBe('failed')
  })

  test.each(['operation_state_done', 'predictionStatusDone', 'status_done', 'job_done', 'PROCESS_SUCCESS'])(
    'may have its own kind before it: %s',
    (word) => {
      expect(jobStateOf(word)).toBe('completed')
    },
  )

  test.each(['failed_nsfw', 'FAILED_MODERATION', 'blocked_by_policy'])(
    'may carry the reason of its failure: %s',
    (word) => {
      expect(jobStateOf(word)).toBe('moderated')
    },
  )

  test.each(['done_state_of_it', 'my_job_state_done', 'file_state_done', 'statedone', 'not_done', 'done!', 'unknown'])(
    '%s is unknown',
    (word) => {
      expect(jobStateOf(word)).toBe('unknown')
    },
  )
})

test.each([
  [-1, true, 'failed'],
  ['done', true, 'done'],
  ['2nd', true, '2nd'],
  [0, false, undefined],
  [1, false, undefined],
  ['', false, undefined],
  ['404', false, undefined],
  [null, false, undefined],
  [true, false, undefined],
])('%j can be a state: %s', (value, expected, word) => {
  expect(isState(value)).toBe(expected)
  expect(stateWordOf(value)).toBe(word)
})

test.each<readonly [JobState, readonly string[]]>([
  [
    'completed',
    ['完了', '완료', '生成成功', 'fertig', 'Abgeschlossen', 'COMPLETED_SUCCESSFULLY', 'PartiallyCompleted'],
  ],
  ['completed', ['VIDEO_GENERATION_STATUS_SUCCESSFUL']],
  ['failed', ['refunded', 'fehlgeschlagen', '失敗', '실패', '실패함', 'エラー', '已失败', 'dead_letter', 'Failed.']],
  ['cancelled', ['CANCELLED_BY_USER', 'abgebrochen']],
  ['moderated', ['safety_rejected', '审核不通过', '审核失败']],
  ['unknown', ['failed_retrying', 'not_failed', 'no_error', 'failed!']],
])('%s is what %j say', (state, words) => {
  expect(words.map((word) => [word, jobStateOf(word)])).toEqual(words.map((word) => [word, state]))
})
