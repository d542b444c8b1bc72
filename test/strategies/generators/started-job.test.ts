import { describe, expect, test } from 'vitest'
import { readJob } from '../../../src/strategies/generators/answers/job-answer.js'
import {
  isAcceptance,
  readStartedJob,
  refusalIn,
  reportsError,
} from '../../../src/strategies/generators/task-api/started-job.js'
import type { ApiAnswer } from '../../../src/upstream/api.js'
import { maskOf } from '../../../src/upstream/secret.js'

const answer = (body: unknown, headers: Record<string, string> = {}, status = 200): ApiAnswer => ({
  what: 'submit the video',
  url: 'https://api.example/v1/videos',
  status,
  headers: new Headers(headers),
  text: typeof body === 'string' ? body : JSON.stringify(body),
  secrets: [],
  mask: maskOf(['canary-1']),
})

describe('readStartedJob', () => {
  test.each([
    ['https://api.example/v1/videos/job-7', 'job-7'],
    ['/v1/videos/job-7/', 'job-7'],
    ['/v1/videos/job-7/content', 'job-7'],
    ['/v1/videos/job-7/status/', 'job-7'],
    ['job-7?a=b', 'job-7'],
    ['/v1/videos/job%207', 'job 7'],
  ])('takes the job of an empty answer from the address %s', (address, id) => {
    for (const name of ['location', 'operation-location'])
      expect(readStartedJob(answer('', { [name]: address }, 202))).toMatchObject({ id, pollAddress: address })
  })

  test('takes the address of the operation before the other', () => {
    const headers = { location: '/v1/a', 'operation-location': '/v1/b' }
    expect(readStartedJob(answer(' ', headers))).toMatchObject({ id: 'b', pollAddress: '/v1/b' })
  })

  test('takes the address where a greeting has no id', () => {
    const headers = { location: '/v1/videos/job-7' }
    expect(readStartedJob(answer({ message: 'ok' }, headers, 202))).toMatchObject({
      id: 'job-7',
      pollAddress: '/v1/videos/job-7',
    })
    const told = { message: 'ok', polling_url: '/v1/tasks/7' }
    expect(readStartedJob(answer(told, headers))).toMatchObject({ id: 'job-7', pollAddress: '/v1/tasks/7' })
    expect(readStartedJob(answer({ id: 'job-8' }, headers))).toMatchObject({ id: 'job-8', pollAddress: undefined })
    expect(readStartedJob(answer({ error: 'no' }, headers)).id).toBeUndefined()
    expect(readStartedJob(answer({ message: 'ok' }, headers, 203)).id).toBeUndefined()
    expect(readStartedJob(answer([{ id: 'job-9' }], headers)).id).toBe('job-9')
  })

  test.each([
    ['', {}, 'it is empty'],
    [' ', {}, 'it is empty'],
    ['', { location: 'http://' }, 'it is empty'],
    ['', { location: 'https://api.example/' }, 'it is empty'],
    ['<html>', { location: '/v1/videos/job-7' }, 'it is not JSON'],
    ['7', {}, 'it is not JSON'],
  ])('cannot read %j with %j', (body, headers, problem) => {
    expect(() => readStartedJob(answer(body, headers as Record<string, string>))).toThrow(problem)
  })
})

describe('isAcceptance', () => {
  const isAccepted = (body: unknown, status: number) => isAcceptance(JSON.stringify(body), status)

  test.each([
    [{ id: 'x', status: 'queued' }, 400, true],
    [{ id: 'x', status: 'queued' }, 409, true],
    [{ id: 'x', status: 'queued', error: 'no' }, 409, false],
    [{ id: 'x', status: 'failed' }, 400, false],
    [{ id: 'x', status: 'odd' }, 400, false],
    [{ id: 'task_1' }, 499, false],
    [{ task_id: 'x' }, 400, false],
    [{ status: 'queued' }, 500, false],
    [{ id: 'x' }, 500, false],
    [{ id: 'x', status: 'queued' }, 500, true],
    [{ id: 'x', status: 'failed' }, 500, false],
    [{ task_id: 'x' }, 500, true],
    [{ video_id: 'x' }, 502, true],
    [{ data: { job_id: 'x' } }, 504, true],
    ...['video_1', 'task-1', 'job:1', 'gen_1', 'vid_1', 'cgt-1', 'op_1', 'video2-gen_1'].map((id) => [
      { id },
      500,
      true,
    ]),
    ...['req_1', 'my_task_1', 'task1', 'video'].map((id) => [{ id }, 500, false]),
  ] as [unknown, number, boolean][])('%j under %i: %s', (body, status, expected) => {
    expect(isAccepted(body, status)).toBe(expected)
  })
})

describe('reportsError', () => {
  test.each([
    ...[{ error: 'no' }, { code: 1 }, { code: '-1', message: 'gen failed' }, { errcode: 5 }, { err_code: 'x' }],
    ...[{ error_code: 'x' }, { status_code: 1004 }, { success: false }, { status: 'failed' }, { status: 400 }],
    ...[
      { code: 1, message: 'not accepted' },
      { code: 1, message: 'No success' },
      { code: 1, msg: 'submit failed' },
    ],
    ...[
      { code: 1, message: '提交失败' },
      { code: 1, message: 'created with error' },
      { code: 1, message: '未成功' },
    ],
    ...[
      { code: 1, message: 'accepted without a job' },
      { code: 1, message: 'unsuccessful' },
      { code: 1, message: '' },
    ],
    ...[
      { code: 1, message: 'invalid, though queued' },
      { code: 1, message: 'queued, quota exceeded' },
      { code: 1, message: 7 },
    ],
    { success: false, message: 'success' },
    { base_resp: { status_code: 1004, status_msg: 'bad key' } },
  ])('%j is an error', (body) => {
    expect(reportsError(readJob(body))).toBe(true)
  })

  test.each([
    ...[{}, { code: 0 }, { code: 200 }, { code: 'success' }, { success: true }, { status: 399 }, { status: 'queued' }],
    ...[
      { code: 1, message: 'Submit success' },
      { code: 1, message: '提交成功' },
      { code: 1, msg: '排队中，前面还有1个任务' },
    ],
    ...[
      { code: 1, description: 'In the queue' },
      { code: 1, status_msg: 'submitted' },
      { code: 1, message: 'accepted' },
    ],
    ...[
      { code: 1, message: 'queued' },
      { code: 1, message: 'in queue' },
      { code: 1, message: 'Task created' },
    ],
    ...[
      { code: 1, message: 'successfully' },
      { code: 1, message: '已提交' },
      { code: 1, message: 'ok' },
      { code: null },
    ],
    { message: 'Something' },
  ])('%j is not an error', (body) => {
    expect(reportsError(readJob(body))).toBe(false)
  })
})

describe('refusalIn', () => {
  const refusal = (body: unknown) => refusalIn(readJob(body), answer(body, { 'x-request-id': 'req_1' }))

  test.each([
    [{ error: 'busy' }, 'upstream-http', 200],
    [{ error: { message: 'busy', code: 503 } }, 'overloaded', 503],
    [{ error: { message: 'busy', code: 529 } }, 'overloaded', 529],
    [{ code: 401, message: 'bad key' }, 'authentication', 401],
    [{ code: 402, message: 'pay' }, 'quota-exceeded', 402],
    [{ code: 429, message: 'slow' }, 'rate-limited', 429],
    [{ code: 400, message: 'It violates our policies' }, 'content-rejected', 400],
    [{ code: 399, message: 'odd' }, 'upstream-http', 200],
    [{ code: 600, message: 'odd' }, 'upstream-http', 200],
    [{ success: false, message: 'insufficient balance' }, 'quota-exceeded', 200],
    [{ code: -1, message: 'connection refused' }, 'upstream-http', 200],
    [{ code: 0, msg: '余额不足，请充值后再试', data: null }, 'quota-exceeded', 200],
    [{ status_msg: 'It violates our policies' }, 'content-rejected', 200],
    [{ message: 'invalid api key' }, 'authentication', 200],
    [{ msg: 'This model is not available in your country' }, 'region-unsupported', 200],
    [{ code: 400, message: 'no such model', data: { ref: 'j1' } }, 'upstream-http', 400],
    [{ success: false, message: 'no such model', data: { ref: 'j1' } }, 'upstream-http', 200],
    [{ code: 1001, message: 'insufficient balance', data: { needed: 5 } }, 'quota-exceeded', 200],
    [{ error: { message: 'busy', details: [{ seed: 7 }] }, data: { request_id: 'r1', code: 7 } }, 'upstream-http', 200],
    [
      { error: 'busy', data: {}, result: null, output: [], task: '', doc_url: 'https://a.example' },
      'upstream-http',
      200,
    ],
  ])('of %j is %s', (body, code, status) => {
    expect(refusal(body)).toMatchObject({ code, status, url: 'https://api.example/v1/videos', requestId: 'req_1' })
  })

  test.each([
    [{ message: 'Welcome' }],
    [{ message: 'Submitted, insufficient credits will be charged later' }],
    [{ message: 'rate limit of 3 a minute' }],
    [{ code: 499, message: 'x' }],
    [{ code: 408, message: 'x' }],
    [{ code: 409, message: 'x' }],
    [{ code: 500, message: 'x' }],
    [{ code: 599, message: 'x' }],
    [{ error: { code: 502 } }],
    [{ code: 400, message: 'upstream timed out' }],
    [{ code: 400, message: 'Time-out of the server' }],
    [{ code: 400, message: 'x', error: { type: 'gateway_timeout' } }],
    [{ errors: ['seed was ignored'], data: { ref: 'j1' } }],
    [{ error: 'parameter x is deprecated', data: { job: { key: 'j1' } } }],
    [{ error: 'parameter x is deprecated', data: [{ ref: 7 }] }],
    [{ error: 'parameter x is deprecated', jobRef: 'j1' }],
    [{ error: { message: 'seed was ignored', type: 'deprecation' }, result: 'j1' }],
    [{ errors: ['90% of your quota is used'], data: { ref: 'j1' } }],
    [{ code: 20_000, data: { ref: 'j1' } }],
    [{ code: 1001, message: 'see data', submission: { at: 'https://api.example/j1' } }],
  ])('is open in %j', (body) => {
    expect(refusal(body)).toBeUndefined()
  })

  test('has the message of the server, without secrets', () => {
    expect(refusal({ error: 'no canary-1' })).toMatchObject({
      message: expect.stringMatching(
        /^Could not submit the video: api\.example answered 200 with an error, no \[redacted\]/,
      ),
      bodyExcerpt: expect.stringContaining('[redacted]'),
      isRefusal: true,
    })
    expect(refusal({ success: false })).toMatchObject({ message: expect.stringContaining('{"success":false}') })
    expect(refusal({ message: 'outer', error: { message: 'inner' } })).toMatchObject({
      message: expect.stringContaining('an error, inner'),
    })
  })
})
