import { describe, expect, test } from 'vitest'
import { instantOf, readJob } from '../../../src/strategies/generators/answers/job-answer.js'

describe('the progress of a job', () => {
  test.each([
    ...['progress', 'percent', 'percentage', 'progress_percent', 'progressPercentage', 'task_progress'],
    ...['generation_progress', 'video_progress', 'status_percentage', 'percent_complete', 'completion_percentage'],
    'completion',
  ])('is read from %s, from 0 to 100', (name) => {
    expect(readJob({ id: 'v_1', [name]: 40 }).ratio).toBe(0.4)
    expect(readJob({ id: 'v_1', [name]: '40%', progress_pct: 0.5 }).ratio).toBe(0.4)
    expect(readJob({ id: 'v_1', [name]: 'soon' }).ratio).toBeUndefined()
  })

  test.each(['progress_pct', 'progressRatio'])('is read from %s, from 0 to 1', (name) => {
    for (const [said, ratio] of [
      [0.4, 0.4],
      ['0.4', 0.4],
      [1, 1],
      [0, 0],
      [40, 0.4],
      ['40', 0.4],
      [-1, 0],
    ])
      expect([said, readJob({ id: 'v_1', [name]: said }).ratio]).toEqual([said, ratio])
    for (const said of ['', ' ', 'soon', null]) expect(readJob({ id: 'v_1', [name]: said }).ratio).toBeUndefined()
  })
})

describe('the state of a job', () => {
  test.each([
    ...['status', 'state', 'task_status', 'jobStatus', 'task_state', 'video_status', 'generation_status', 'phase'],
  ])('is read from %s', (name) => {
    expect(readJob({ id: 'v_1', [name]: 'In_Progress' }).state).toBe('In_Progress')
    expect(readJob({ id: 'v_1', [name]: 200 }).state).toBeUndefined()
  })

  test.each(['done', 'is_done', 'finished', 'isFinished', 'completed', 'is_completed'])(
    'is read from %s, where no word names it',
    (name) => {
      expect(readJob({ id: 'v_1', [name]: true }).state).toBe('done')
      expect(readJob({ id: 'v_1', [name]: false }).state).toBe('running')
      expect(readJob({ id: 'v_1', [name]: true, status: 'queued' }).state).toBe('queued')
      expect(readJob({ id: 'v_1', [name]: 1 }).state).toBeUndefined()
    },
  )
})

test.each([
  [{ ErrCode: 0, Resp: { status: 1 } }, 'completed'],
  [{ ErrCode: 0, Resp: { status: 5 } }, 'running'],
  [{ ErrCode: 0, Resp: { status: 7 } }, 'moderated'],
  [{ ErrCode: 0, Resp: { status: 9 } }, undefined],
  [{ data: { taskId: 'v_1', successFlag: 3 } }, 'failed'],
  [{ id: 'v_1', video_status: 2 }, 'running'],
  [{ id: 'v_1', status: 7 }, undefined],
  [{ id: 'v_1', successFlag: 2, status: 'queued' }, 'queued'],
])('a number is the state of a job where the answer shows whose it is: %j', (body, state) => {
  expect(readJob(body).state).toBe(state)
})

test.each([
  [[{ status: 'failed' }], 'failed'],
  [[{ status: 'failed' }, { status: 'moderated' }], 'failed'],
  [[{ id: 'part_1', status: 'failed' }], 'failed'],
  [[{ status: 'failed' }, { status: 'running' }], undefined],
  [[{ status: 'failed' }, { status: 'succeed' }], undefined],
  [[{ status: 'failed' }, {}], undefined],
  [[{ status: 'failed' }, 7], undefined],
  [[], undefined],
])('a job without a state has failed where all of its parts have: %j', (generations, state) => {
  const job = readJob({ data: { taskId: 'v_1', generations } })
  expect([job.state, job.id]).toEqual([state, 'v_1'])
  expect(readJob({ taskId: 'v_1', status: 'queued', generations }).state).toBe('queued')
  expect(readJob({ taskId: 'v_1', steps: generations }).state).toBeUndefined()
})

test.each(['polling_url', 'pollUrl', 'status_url'])('the address of a job is read from %s', (name) => {
  expect(readJob({ id: 'v_1', [name]: '/jobs/1' }).pollAddress).toBe('/jobs/1')
  expect(readJob({ id: 'v_1', [name]: 7 }).pollAddress).toBeUndefined()
})

test.each(['created_at', 'created', 'createTime', 'created_time', 'submit_time'])(
  'the time of a job is read from %s, as it was written',
  (name) => {
    expect(readJob({ id: 'v_1', [name]: '2026-11-23' }).createdAt).toBe('2026-11-23')
    expect(readJob({ id: 'v_1', [name]: null }).createdAt).toBeUndefined()
  },
)

test('facts of any other type are absent, and those of the job win over those around it', () => {
  const body = { model: 'outer', size: '1x1', data: { id: 'v_1', status: 'done', model: 'inner', object: 'video' } }
  expect(readJob(body).facts).toMatchObject({ model: 'inner', size: '1x1', object: 'video' })
  const typed = readJob({ id: 'v_1', model: 7, seconds: '8', width: '640', height: -1, usage: { a: 1 } })
  expect(typed.facts).toMatchObject({
    model: undefined,
    seconds: 8,
    width: 640,
    height: undefined,
    usage: { a: 1 },
  })
  expect(readJob({ id: 'v_1', prompt: 'A cat', requestId: 'r' })).toMatchObject({ prompts: ['A cat'], requestId: 'r' })
  const odd = readJob({ id: 'v_1', prompt: ['A cat'], duration: 5, seconds: 'x', expires_at: true })
  expect(odd.prompts).toEqual([])
  expect(odd.facts).toMatchObject({ duration: 5, seconds: undefined, expires_at: undefined })
})

test.each([
  [1_000_000_000_000, 1_000_000_000_000_000],
  [1_000_000_000_001, 1_000_000_000_001],
  ['1000000000001', 1_000_000_000_001],
  [1.5, 1_500],
  ['1970-01-01T00:00:01Z', 1_000],
  ['1960-01-01T00:00:01Z', undefined],
  ['2026-11-23 soon', undefined],
  [-5, undefined],
  [Number.POSITIVE_INFINITY, undefined],
  [true, undefined],
  ['', undefined],
])('the instant %j is %s', (value, instant) => {
  expect(instantOf(value)).toBe(instant)
})
