import { describe, expect, test } from 'vitest'
import {
  entryOf,
  jobIdIn,
  layersOf,
  otherJobIn,
  requestIdIn,
} from '../../../src/strategies/generators/answers/answer-layers.js'

const JOB = { id: 'job_1', status: 'done' }
const ids = (body: unknown) => jobIdIn(layersOf(body))

describe('layersOf', () => {
  test.each(['data', 'result', 'output', 'task', 'job', 'response', 'payload', 'video', 'generation'])(
    'opens %s, once or twice, as an object, a list of one or a text of JSON',
    (name) => {
      for (const inside of [JOB, [JOB], JSON.stringify(JOB), { [name]: JOB }]) {
        expect(layersOf({ code: 0, other: {}, [name]: inside })[0]).toEqual(JOB)
      }
    },
  )

  test('has the innermost first, and the status of the request last', () => {
    const body = { code: 0, base_resp: { status_code: 0 }, data: { id: 'a', ResponseMetadata: { Action: 'x' } } }
    expect(layersOf(body)).toEqual([
      { id: 'a', response_metadata: { action: 'x' } },
      { code: 0, base_resp: { status_code: 0 }, data: { id: 'a', response_metadata: { action: 'x' } } },
      { action: 'x' },
      { status_code: 0 },
    ])
  })

  test('does not open the files of a complete job', () => {
    expect(layersOf({ ...JOB, output: { id: 'file_1', status: 'ready' } })).toHaveLength(1)
    expect(layersOf({ ...JOB, data: { id: 'file_1' } })).toHaveLength(1)
    expect(layersOf({ id: 'job_1', video: { id: 'file_1' } })).toHaveLength(1)
    expect(layersOf({ id: 'job_1', data: { status: 'done' } })[0]).toEqual({ status: 'done' })
    expect(layersOf({ status: 'done', data: { id: 'job_1' } })[0]).toEqual({ id: 'job_1' })
  })

  test('opens an unknown name where nothing else is left', () => {
    expect(layersOf({ motionVideoGenerationJob: JOB })[0]).toEqual(JOB)
    expect(layersOf({ note: 'x', empty: {}, none: [], odd: [JOB] })[0]).toEqual(JOB)
    expect(layersOf({ one: JOB, two: { id: 'job_2' } })).toHaveLength(1)
    expect(layersOf({ id: 'job_1', odd: { id: 'x' } })).toHaveLength(1)
  })

  test.each(['error', 'errors', 'failure', 'errorDetail'])(
    'does not open %s, whose state is not that of a job',
    (name) => {
      const error = { code: 13, status: 'INTERNAL' }
      for (const body of [
        { done: true, [name]: error },
        { done: true, [name]: [error] },
      ])
        expect(layersOf(body)).toHaveLength(1)
      expect(layersOf({ data: { done: true, [name]: error } })[0]).toMatchObject({ done: true })
    },
  )

  test('opens four objects at most', () => {
    const nested = (depth: number): unknown => (depth === 0 ? JOB : { data: nested(depth - 1) })
    expect(layersOf(nested(3))).toHaveLength(4)
    expect(layersOf(nested(3))[0]).toEqual(JOB)
    expect(layersOf(nested(4))[0]).not.toEqual(JOB)
    expect(layersOf(nested(9))).toHaveLength(4)
  })

  test.each([null, undefined, 7, 'a word', '[{"id":"a"}', [], [JOB, JOB], [7]])('finds none in %j', (body) => {
    expect(layersOf(body)).toEqual([])
  })
})

describe('the id of a job', () => {
  test.each([
    ...[
      'id',
      'task_id',
      'taskId',
      'TaskID',
      'video_id',
      'job_id',
      'generation_id',
      'prediction_id',
      'operation_id',
      'uuid',
    ],
    ...['task_uuid', 'job_uuid', 'taskid', 'jobid', 'videoid', 'render_id', 'inference_id', 'prompt_id', 'generate_id'],
    'invocationArn',
  ])('is read from %s', (name) => {
    expect(ids({ [name]: 'v_1' })).toBe('v_1')
    expect(ids({ [name]: 17 })).toBe('17')
    expect(ids({ message: 'x', data: { [name]: 'v_1' } })).toBe('v_1')
    for (const value of ['', null, true, {}, ['v_1']]) expect(ids({ [name]: value })).toBeUndefined()
  })

  test.each([
    [{ model: 'm', sora_ticket_id: 'tick-1234' }, 'tick-1234'],
    [{ data: { order_uuid: '7f3e-0001' }, code: 0 }, '7f3e-0001'],
    [{ order_id: 123456 }, '123456'],
    [{ order_id: 'a sentence that is no id' }, undefined],
    [{ order_id: 'tick-1234', batch_id: 'batch-12' }, undefined],
    [{ user_id: 'user-1234' }, undefined],
    [{ event_id: 'event-1234' }, undefined],
    [{ order_id: '' }, undefined],
  ])('is the only one of an unknown name: %j', (body, id) => {
    expect(ids(body)).toBe(id)
  })

  test.each(['data', 'result', 'task', 'job', 'output'])(
    'is read from %s itself, where that is a word with a digit',
    (name) => {
      expect(ids({ code: 1, [name]: '1730000000000' })).toBe('1730000000000')
      expect(ids({ code: 1, [name]: 'ab-c_9' })).toBe('ab-c_9')
      for (const value of ['abc', 'ab9', 'queued', 'https://a.example/1', 'is 1234', 'a1'.repeat(65), 12345])
        expect(ids({ code: 1, [name]: value })).toBeUndefined()
      expect(ids({ id: 'v_1', [name]: 'other-9' })).toBe('v_1')
    },
  )

  test.each([
    ['operations/abc', 'operations/abc'],
    ['models/veo/operations/abc', 'models/veo/operations/abc'],
    ['my-operations/abc', undefined],
    ['operations/abc/more', undefined],
    ['operations/', undefined],
    ['A cat', undefined],
    [7, undefined],
  ])('of Google is a name such as %j', (name, id) => {
    expect(ids({ name })).toBe(id)
  })

  test('of the request is one apart', () => {
    expect(ids({ request_id: 'r_1' })).toBeUndefined()
    expect(requestIdIn(layersOf({ requestId: 'r_1' }))).toBe('r_1')
    expect(requestIdIn(layersOf({ id: 'r_1' }))).toBeUndefined()
  })

  test('is the first that is known, of the innermost object', () => {
    expect(ids({ task_id: 't', id: 'i' })).toBe('i')
    expect(ids({ video_id: 'v', task_id: 't' })).toBe('t')
    expect(ids({ data: { task_id: 't' }, status: 'ok' })).toBe('t')
  })
})

describe('a list of jobs', () => {
  const jobs = [JOB, { taskId: 'job_2', state: 'queued' }]

  test.each(['data', 'tasks', 'jobs', 'items', 'results'])('in %s, or alone, has the requested one', (name) => {
    expect(entryOf({ [name]: jobs }, 'job_2')).toBe(jobs[1])
    expect(entryOf(jobs, 'job_1')).toBe(jobs[0])
    expect(entryOf({ [name]: jobs }, 'job_3')).toBeUndefined()
  })

  test.each([
    [{ data: [JOB] }],
    [{ data: [JOB, { url: 'x' }] }],
    [{ data: [JOB, 'job_2'] }],
    [{ others: [JOB, JOB] }],
    [{ data: JOB }],
    ['a word'],
    [null],
  ])('has none in %j', (body) => {
    expect(entryOf(body, 'job_9')).toBe(body)
  })

  test('is recognised by the states of its entries, without ids', () => {
    expect(entryOf([{ status: 'done' }, { status: 'queued' }], 'job_9')).toBeUndefined()
  })
})

describe('an answer about another job', () => {
  const isOther = (body: unknown, id: string) => otherJobIn(layersOf(body), id) !== undefined

  test.each([
    [{ id: 'job_2', status: 'done' }, 'job_1', true],
    [{ id: 'job_1', status: 'done' }, 'job_1', false],
    [{ id: 'job_2', task_id: 'job_1', status: 'done' }, 'job_1', false],
    [{ id: 'gw-job_1', status: 'done' }, 'job_1', false],
    [{ id: 'job_1', status: 'done' }, 'gw-job_1', false],
    [{ id: 'job_2' }, 'job_1', false],
    [{ status: 'done' }, 'job_1', false],
    [{ id: 17, status: 'done' }, 'job_1', false],
    [{ id: 17, status: 'done' }, '18', true],
    [{ id: 18, status: 'done' }, '18', false],
    [{ id: '', status: 'done' }, 'job_1', false],
  ])('%j for %s: %s', (body, id, expected) => {
    expect(isOther(body, id)).toBe(expected)
  })
})
