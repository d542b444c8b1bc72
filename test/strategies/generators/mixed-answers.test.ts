import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { JsonValue } from '../../../src/contracts/json.js'
import { readJob } from '../../../src/strategies/generators/answers/job-answer.js'
import { jobStateOf } from '../../../src/strategies/generators/answers/job-state.js'
import { jsonOf } from '../../../src/upstream/json-of.js'
import { videoOutputs } from '../../../src/upstream/video-output.js'

const URL_A = 'https://cdn.example/v/a.mp4'
const id = fc.constantFrom('id', 'task_id', 'taskId', 'TaskId', 'video_id', 'job-id', 'generationId', 'prediction_id')
const state = fc.constantFrom(
  'status',
  'state',
  'task_status',
  'taskStatus',
  'JobStatus',
  'job_state_',
  'generation_status',
)
const word = fc.constantFrom(
  ['queued', 'queued'],
  ['PENDING', 'queued'],
  ['In Progress', 'running'],
  ['TASK_STATUS_PROCESSING', 'running'],
  ['SUCCEEDED', 'completed'],
  ['succeed', 'completed'],
  ['JOB_STATE_FAILED', 'failed'],
  ['失败', 'failed'],
  ['cancelled', 'cancelled'],
  ['content-moderated', 'moderated'],
)
const place = fc.constantFrom<(url: string) => Record<string, JsonValue>>(
  (url) => ({ url }),
  (url) => ({ video_url: url }),
  (url) => ({ videoUrl: url }),
  (url) => ({ video: { url } }),
  (url) => ({ videos: [url] }),
  (url) => ({ output: [{ url }] }),
  (url) => ({ urls: [url] }),
  (url) => ({ task_result: { videos: [{ url }] } }),
  (url) => ({ resultJson: JSON.stringify({ resultUrls: [url] }) }),
)
const envelope = fc.constantFrom<(job: Record<string, JsonValue>) => JsonValue>(
  (job) => job,
  (job) => ({ data: job }),
  (job) => ({ code: 0, msg: 'success', data: job }),
  (job) => ({ code: 'success', message: '', data: { data: job } }),
  (job) => ({ request_id: 'rq', output: job }),
  (job) => ({ success: true, result: job }),
  (job) => ({ Response: { ...job, RequestId: 'rq' } }),
  (job) => ({ somethingElse: job }),
  (job) => [job],
  (job) => ({ data: JSON.stringify(job) }),
)
const noise = fc.record(
  {
    thumbnail_url: fc.constant(`${URL_A}.webp`),
    webhook: fc.constant('https://hook.example/a.mp4'),
    error: fc.constantFrom(null, '', 0, {}, { code: 0, message: 'success' }),
    usage: fc.constant({ seconds: 5 }),
    created_at: fc.constant(1_767_225_600),
    model: fc.constant('m'),
  },
  { requiredKeys: [] },
)
const text = fc.constantFrom<(body: JsonValue) => string>(
  (body) => JSON.stringify(body),
  (body) => `\uFEFF${JSON.stringify(body)}`,
  (body) => `data: ${JSON.stringify(body)}\n\n`,
  (body) => JSON.stringify(body, null, 2),
)

it('reads id, state and address whatever the envelope, the names, the order and the noise', () => {
  fc.assert(
    fc.property(
      fc.record({
        id,
        state,
        word,
        place,
        envelope,
        noise,
        text,
        value: fc.constantFrom('task_1', '4326796003218200779'),
      }),
      fc.infiniteStream(fc.nat(1000)),
      ({ id, state, word: [written = '', meant], place, envelope, noise, text, value }, order) => {
        const stateName = state === 'job_state_' ? 'status' : state
        const fields = Object.entries({ ...noise, [id]: value, [stateName]: written, ...place(URL_A) } as Record<
          string,
          JsonValue
        >)
        const shuffled = fields
          .map((field) => ({ field, at: order.next().value ?? 0 }))
          .sort((one, other) => one.at - other.at)
          .map(({ field }) => field)
        const body = jsonOf(text(envelope(Object.fromEntries(shuffled))))
        const job = readJob(body)
        expect(job.id).toBe(value)
        expect(jobStateOf(job.state ?? '')).toBe(meant)
        expect(videoOutputs(body, 'https://api.example/v1/')[0]).toEqual({ kind: 'url', url: URL_A, needsKey: false })
      },
    ),
    { numRuns: 500 },
  )
})
