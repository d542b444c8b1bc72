import { reply, replyJson } from 'sora-pipeline/testing'
import type { Fault, FaultStage, Place } from './fault.ts'

type Expected = Partial<Readonly<Record<FaultStage, string>>>

const JOB = { task_id: 'video_1' }
const review: Expected = { create: 'review', 'create-retry': 'review', 'create-key': 'sent again' }
const verdict: Expected = { create: 'next: generation-failed', poll: 'next', 'poll-always': 'next' }
const moderated: Expected = {
  create: 'ends: content-rejected',
  poll: 'ends: content-rejected',
  'poll-always': 'ends: content-rejected',
}
const refusedAs = (code: string): Expected => ({
  create: `next: ${code}`,
  'create-retry': `next: ${code}`,
  'create-key': `next: ${code}`,
})

/** What servers of this family answer in their own words. */
export const ANSWER_FAULTS: readonly Fault[] = [
  // Where the job is, and what it is called.
  ...Object.entries({
    data: { code: 'success', message: '', data: { ...JOB, status: 'SUBMITTED' } },
    'data.data': { code: 0, data: { data: { ...JOB, status: 'queued' } } },
    output: { request_id: 'rq', output: { ...JOB, task_status: 'PENDING' } },
    result: { success: true, result: { id: 'video_1', state: 'waiting' } },
    task: { code: 200, msg: 'success', task: { id: 'video_1', taskStatus: 'NOT_STARTED' } },
    job: { job: { jobId: 'video_1', job_status: 'JOB_STATE_QUEUED' } },
    'a list of one': [{ id: 'video_1', status: 'queued' }],
    'a text of JSON': { code: 0, data: JSON.stringify({ ...JOB, status: 'queued' }) },
    'a state in Chinese': { id: 'video_1', status: '排队中' },
    'a word with a prefix': { id: 'video_1', status: 'TASK_STATUS_PROCESSING' },
    'an error of 0': { id: 'video_1', status: 'queued', error: 0 },
    'an error that is empty': { id: 'video_1', status: 'queued', error: { code: '', message: '' } },
    'an error that says success': { id: 'video_1', status: 'queued', error: { code: 0, message: 'success' } },
    'errors that are none': { id: 'video_1', status: 'queued', errors: [], error: [] },
  }).map(([name, body]) =>
    fault(63, `a job in ${name}`, 200, body, { create: 'accepted', poll: 'read', 'poll-always': 'in time' }),
  ),
  ...[
    ['NaN', '{"id":"video_1","status":"queued","eta":NaN}'],
    ['a byte order mark before the job', '\uFEFF{"id":"video_1","status":"queued"}'],
    ['one frame of a stream', 'data: {"id":"video_1","status":"queued"}\n\n'],
    ['an object a line', '{"id":"video_1"}\n{"status":"queued"}\n'],
  ].map(([name = '', text]) =>
    fault(63, `JSON with ${name}`, 200, text, { create: 'accepted', poll: 'read', 'poll-always': 'in time' }),
  ),
  // Errors under a status of success.
  fault(64, '200, {code:-1}', 200, { code: -1, message: 'gen video failed' }, refusedAs('upstream-http')),
  fault(64, '200, success false', 200, { success: false, message: 'bad size' }, refusedAs('upstream-http')),
  fault(64, '200, status error', 200, { status: 'error', message: 'Invalid model' }, refusedAs('upstream-http')),
  fault(64, '200, nested error of 400', 200, nested('The parameter is not valid', 400), refusedAs('upstream-http')),
  fault(64, '200, no balance', 200, { code: 402, message: 'insufficient balance' }, refusedAs('quota-exceeded')),
  fault(64, '200, wrong key', 200, { error: { message: 'no', code: 'invalid_api_key' } }, refusedAs('authentication')),
  fault(64, '200, nested error of 503', 200, nested('no channel for the model', 503), {
    create: 'next: overloaded',
    'create-retry': 'retried',
  }),
  fault(
    43,
    '200, too many requests',
    200,
    { code: 429, message: 'slow down' },
    {
      create: 'next: rate-limited',
      'create-retry': 'retried',
    },
  ),
  // What leaves open whether the job was accepted.
  ...[
    ['200, inner 500', { code: 500, message: 'internal' }],
    ['200, inner 408', { code: 408, message: 'late' }],
    ['200, inner 409', { code: 409, message: 'conflict' }],
    ['200, inner 502', nested('bad gateway', 502)],
    ['200, a timeout in words', { code: 400, message: 'upstream timed out' }],
    ['200, {code:0} and no job', { code: 0, message: 'success' }],
    ['200, null', null],
    ['200, a number', 7],
    ['200, a text', 'accepted'],
  ].map(([name, body]) => fault(65, String(name), 200, body, review)),
  ...[
    'job accepted, could not notify webhook: error 429',
    'API request failed: 401 - {"error":{"code":"token_invalidated"}}',
    'HTTP Error: 402 insufficient_quota',
    'Retried because of: No available tokens for video generation',
    'task_123 at 40%: 400: Invalid model: x',
    'content policy violation reported by a worker',
  ].map((message) =>
    fault(65, `500, ${message}`, 500, { error: { message, type: 'server_error', code: null } }, review),
  ),
  ...[
    ['No available tokens for video generation', 'quota-exceeded'],
    ['No available Pro tokens for video generation', 'quota-exceeded'],
    ['400: Invalid model: sora-9', 'upstream-http'],
  ].map(([message = '', code = '']) =>
    fault(65, `500, word for word: ${message}`, 500, { error: { message, code: null } }, refusedAs(code)),
  ),
  // A job under a status of failure.
  fault(
    45,
    '500 with the id of the job',
    500,
    { ...JOB, error: 'no webhook' },
    { create: 'accepted', 'create-retry': 'accepted' },
  ),
  fault(
    45,
    '502 with a queued job',
    502,
    { id: 'video_1', status: 'queued' },
    { create: 'accepted', 'create-retry': 'accepted' },
  ),
  ...[400, 404, 422, 500, 503].map((status) =>
    fault(
      45,
      `${status} with the failed job`,
      status,
      { id: 'video_1', object: 'video', status: 'failed', error: { code: status, message: 'Broke' } },
      {
        poll: 'next',
        'poll-always': 'next',
      },
    ),
  ),
  ...[500, 502, 503].map((status) =>
    fault(
      45,
      `${status} with an error of no job`,
      status,
      { status: 'error', message: 'database is locked' },
      {
        poll: 'missed',
        'poll-always': 'in time',
      },
    ),
  ),
  // Another job.
  ...[
    ['that runs', { id: 'video_2', status: 'in_progress' }],
    ['that failed', { id: 'video_2', status: 'failed', error: 'Broke' }],
    ['that is done', { id: 'video_2', status: 'completed', url: 'https://cdn.example/another.mp4' }],
  ].map(([name, body]) => fault(67, `job of another id ${name}`, 200, body, { poll: 'missed' })),
  // Verdicts.
  ...[
    ['FAILURE', { ...JOB, status: 'FAILURE', fail_reason: 'no capacity' }],
    ['JOB_STATE_FAILED', { id: 'video_1', status: 'JOB_STATE_FAILED', error: 'boom' }],
    ['timeout', { id: 'video_1', status: 'timeout', error: { message: 'render timed out' } }],
    ['{state:-1}', { code: 200, data: { ...JOB, state: -1 } }],
    ['error_message', { id: 'video_1', status: 'failed', error_message: 'worker lost' }],
    ['failureCode', { id: 'video_1', status: 'FAILED', failure: 'x', failureCode: 'INTERNAL.BAD_OUTPUT' }],
    ['失败', { id: 'video_1', status: '失败', fail_reason: '渲染失败' }],
  ].map(([name, body]) => fault(68, `a verdict: ${name}`, 200, body, verdict)),
  // Only a poll shows whether the id in answer to a submission is that of a job.
  fault(
    68,
    'a verdict: COMPLETED with an error',
    200,
    { id: 'video_1', status: 'COMPLETED', error: 'Input validation error' },
    { ...verdict, create: 'accepted' },
  ),
  ...[
    { code: 'OutputAudioSensitiveContentDetected.PolicyViolation', message: 'x' },
    { code: 'DataInspectionFailed', message: 'Output data may contain inappropriate content' },
    { code: 'SAFETY.INPUT.TEXT', message: 'x' },
    { code: 'ResponsibleAIPolicyViolation', message: 'x' },
    { message: 'material flagged by a content checker' },
    { message: 'Content Exists Risk' },
    { message: 'Failure to pass the risk control system' },
    { message: 'the input text may contain sensitive information' },
    { message: 'This request violates our usage policies' },
    { message: '视频被上游内容审核拦截' },
    { message: '您的提示词包含敏感词' },
    { message: '内容违规' },
    { message: JSON.stringify({ error: { code: 'InputTextSensitiveContentDetected', message: 'x' } }) },
    'Your prompt was rejected by our moderation system',
  ].map((error) => {
    const body = { id: 'video_1', status: 'failed', error }
    return fault(68, `moderation: ${JSON.stringify(error)}`, 200, body, moderated)
  }),
  fault(68, 'moderation: moderated true', 200, { id: 'video_1', status: 'completed', moderated: true }, moderated),
  // Where the video is.
  ...[
    ['video_url', (url: string) => ({ video_url: url })],
    ['download_url', (url: string) => ({ download_url: url })],
    ['a list of texts', (url: string) => ({ videos: [url] })],
    ['video_urls', (url: string) => ({ video_urls: [url] })],
    ['result.video_url', (url: string) => ({ result: { video_url: url } })],
    ['output of objects', (url: string) => ({ output: [{ url }] })],
    ['task_result.videos', (url: string) => ({ data: { task_result: { videos: [{ id: '1', url }] } } })],
    ['video_result beside its cover', (url: string) => ({ video_result: [{ cover_image_url: `${url}.png`, url }] })],
    ['response of Veo', (url: string) => ({ response: { generatedSamples: [{ video: { uri: url } }] } })],
    ['resultJson', (url: string) => ({ resultJson: JSON.stringify({ resultUrls: [url] }) })],
    ['an address beside a thumbnail', (url: string) => ({ url: `${url}.webp`, video_url: url })],
    ['remixed_from_video_id', (url: string) => ({ object: 'video', remixed_from_video_id: url })],
  ].map(([name, body]): Fault => {
    const place = body as (url: string) => object
    const does = (given: Place) => replyJson({ id: 'video_1', status: 'completed', ...place(urlIn(given)) } as never)
    return { row: 69, name: `completed, the address in ${String(name)}`, does, expected: { 'poll-always': 'read' } }
  }),
]

function fault(row: number, name: string, status: number, body: unknown, expected: Expected): Fault {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const headers = { 'content-type': 'application/json' }
  return { row, name, does: () => reply({ status, headers, body: text }), expected }
}

function nested(message: string, code: number): object {
  return { error: { message: JSON.stringify({ error: { code: '', message } }), type: 'cf-api-error' }, code }
}

// The healthy answer has it.
function urlIn({ body }: Place): string {
  return String(JSON.parse(Buffer.from(body).toString()).url)
}
