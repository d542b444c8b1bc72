import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import type { VideoRequest } from '../../../src/contracts/request.js'
import type { StageWarning } from '../../../src/contracts/stage.js'
import { mayHaveBeenAccepted } from '../../../src/contracts/submission.js'
import { type VideosApiGeneratorOptions, videosApiGenerator } from '../../../src/strategies/index.js'
import { eventually } from '../../support/eventually.js'
import { deadOrigin, json, loopbackServer } from '../../upstream/loopback-server.js'
import { rejection, stageContext } from '../../upstream/stage-context.js'

const request: VideoRequest = { prompt: 'A cat' }

const at = (origin: string, options: Partial<VideosApiGeneratorOptions> = {}) =>
  videosApiGenerator({ baseUrl: `${origin}/v1`, apiKey: 'canary-key-1', ...options })

describe('a submission', () => {
  test.each([
    [400, 'upstream-http'],
    [401, 'authentication'],
    [402, 'quota-exceeded'],
    [404, 'upstream-http'],
    [413, 'upstream-http'],
    [429, 'rate-limited'],
    [503, 'overloaded'],
    [529, 'overloaded'],
    [302, 'submission-unknown'],
    [307, 'submission-unknown'],
    [408, 'submission-unknown'],
    [409, 'submission-unknown'],
    [500, 'submission-unknown'],
    [502, 'submission-unknown'],
    [504, 'submission-unknown'],
    [520, 'submission-unknown'],
  ])('answered with %i is %s, after one request', async (status, code) => {
    const server = await loopbackServer(json(status, { error: { message: 'no' } }, { location: '/v1/other' }))
    const error = await rejection(at(server.origin).start(request, stageContext()))
    expect(error).toMatchObject({ code })
    if (code === 'submission-unknown') expect(error).toMatchObject({ cause: { code: 'upstream-http', status } })
    expect(server.seen.length).toBe(1)
  })

  test.each([500, 502, 504])('%i is a refusal for an upstream that is known to mean that', async (status) => {
    const server = await loopbackServer(json(status, {}))
    const error = await rejection(at(server.origin, { serverErrors: 'refused' }).start(request, stageContext()))
    expect(error).toMatchObject({ code: 'upstream-http', status, isRefusal: true })
  })

  test.each([
    ['{"error":{"message":"busy"}}', 'upstream-http'],
    ['{"error":{"message":"busy","code":503}}', 'overloaded'],
    ['{"code":-1,"message":"gen video failed"}', 'upstream-http'],
    ['{"success":false,"message":"insufficient balance"}', 'quota-exceeded'],
    ['{"error":{"message":"Your prompt violates our content policy"}}', 'content-rejected'],
    ['{"code":500,"message":"internal"}', 'submission-unknown'],
    ['{"code":409,"message":"conflict"}', 'submission-unknown'],
    ['{"code":400,"message":"upstream timed out"}', 'submission-unknown'],
    ['{"code":0,"message":"success"}', 'submission-unknown'],
  ])('answered with success and %j is %s', async (body, code) => {
    const server = await loopbackServer((_, response) => {
      response.writeHead(200).end(body)
    })
    const error = await rejection(at(server.origin).start(request, stageContext()))
    expect({ code: Object(error).code, mayBePaid: mayHaveBeenAccepted(error) }).toEqual({
      code,
      mayBePaid: code === 'submission-unknown',
    })
  })

  test.each([
    'job accepted, could not notify webhook: error 429',
    'API request failed: 401 - {"error":{"code":"token_invalidated"}}',
    'Retried because: No available tokens for video generation',
    'quota exceeded after 40%',
  ])('answered with 500 and %j is unknown', async (message) => {
    const server = await loopbackServer(json(500, { error: { message } }))
    const error = await rejection(at(server.origin).start(request, stageContext()))
    expect(error).toMatchObject({ code: 'submission-unknown' })
  })

  test.each([
    ['No available tokens for video generation', 'quota-exceeded'],
    [
      "No available tokens for video generation. All tokens are either disabled, cooling down, Sora2 quota exhausted, don't support Sora2, or expired.",
      'quota-exceeded',
    ],
    ['400: Invalid model: sora-9', 'upstream-http'],
    ["We're under heavy load, please try again later.", 'overloaded'],
  ])('answered with 500 and %j is refused', async (message, code) => {
    const server = await loopbackServer(json(500, { error: { message, type: 'server_error', code: null } }))
    const error = await rejection(at(server.origin).start(request, stageContext()))
    expect({ code: Object(error).code, mayBePaid: mayHaveBeenAccepted(error) }).toEqual({ code, mayBePaid: false })
  })

  test.each([
    [500, { task_id: 'task_1', error: 'could not notify the webhook' }, 'task_1'],
    [502, { id: 'video_1', status: 'queued' }, 'video_1'],
    [500, { data: { task_id: 'task_2', status: 'SUBMITTED' }, message: 'late' }, 'task_2'],
  ])('answered with %i and the id of a job is accepted', async (status, body, id) => {
    const server = await loopbackServer(json(status, body))
    expect(await at(server.origin).start(request, stageContext())).toMatchObject({ operation: { id } })
  })

  // Only the job can tell whether it exists.
  test.each([
    { id: 'video_1', error: { code: 'internal', message: 'could not notify the webhook' } },
    { id: 'video_1', error: 'late' },
    { id: 'video_1', status: 'completed', error: { message: 'late' } },
    { id: 'video_1', status: 'queued', error: { message: 'late' } },
    { id: 'video_1', status: 'throttling', error: { message: 'late' } },
    { code: 'success', data: { task_id: 'video_1', fail_reason: 'late' } },
  ])('answered with success, an id and the error in %j is polled, and the error is a warning', async (body) => {
    const server = await loopbackServer(json(200, body))
    const warnings: StageWarning[] = []
    const context = { ...stageContext(), warn: (warning: StageWarning) => void warnings.push(warning) }
    const { operation, status } = await at(server.origin).start(request, context)
    expect(operation).toEqual({ id: 'video_1' })
    expect(['queued', 'running']).toContain(status?.state ?? 'queued')
    expect(warnings).toEqual([
      { code: 'submission-error', message: expect.stringMatching(/answered 200 with an error.*; it names a job/) },
    ])
  })

  test.each(['failed', 'cancelled', 'expired', 'moderated'])(
    'answered with success, an id, an error and the state %j has failed',
    async (status) => {
      const server = await loopbackServer(json(200, { id: 'video_1', status, error: { message: 'no' } }))
      const started = await at(server.origin).start(request, stageContext())
      expect(started.status).toMatchObject({ state: 'failed' })
    },
  )

  test.each(['', '<html>sleeping</html>', '{"id":', '{}', '[]'])(
    'answered with success and %j is unknown',
    async (body) => {
      const server = await loopbackServer((_, response) => {
        response.writeHead(200).end(body)
      })
      const error = await rejection(at(server.origin).start(request, stageContext()))
      expect(error).toMatchObject({ code: 'submission-unknown', cause: { code: 'upstream-response' } })
    },
  )

  test('that never left is a refusal; one that was cut or took too long is unknown', async () => {
    const dead = await deadOrigin()
    expect(await rejection(at(dead).start(request, stageContext()))).toMatchObject({ code: 'network', isRefusal: true })
    const cut = await loopbackServer((_, response) => response.socket?.resetAndDestroy())
    expect(await rejection(at(cut.origin).start(request, stageContext()))).toMatchObject({ code: 'submission-unknown' })
    const slow = await loopbackServer(() => undefined)
    const error = await rejection(at(slow.origin, { createTimeoutMs: 400 }).start(request, stageContext()))
    expect(error).toMatchObject({ code: 'submission-unknown', cause: { code: 'network' } })
    expect([cut.seen.length, slow.seen.length]).toEqual([1, 1])
  })

  test('an abort rejects with its reason; before the call nothing is sent', async () => {
    const server = await loopbackServer(() => undefined)
    const controller = new AbortController()
    const reason = { enough: true }
    const waiting = rejection(at(server.origin).start(request, stageContext(controller.signal)))
    await eventually(() => expect(server.seen.length).toBe(1))
    controller.abort(reason)
    expect(await waiting).toBe(reason)
    for (const call of ['start', 'poll', 'cancel'] as const) {
      const generator = at(server.origin)
      const context = stageContext(controller.signal)
      const aborted = call === 'start' ? generator.start(request, context) : generator[call]?.({ id: 'v' }, context)
      expect(await rejection(aborted ?? Promise.resolve())).toBe(reason)
    }
    expect(server.seen.length).toBe(1)
  })
})

describe('secrets', () => {
  const KEY = 'canary-key+/=1'
  const HEADER = 'canary-header-2'

  test.each([
    ['echoed in an error', 400],
    ['echoed in a 401', 401],
    ['echoed in a 429', 429],
    ['echoed in a 500', 500],
    ['echoed in a broken success', 200],
    ['cut', 0],
  ])('%s: in no error, whichever form was echoed', async (_, status) => {
    const server = await loopbackServer((sent, response) => {
      if (status === 0) return response.socket?.destroy()
      const forms = [
        KEY,
        encodeURIComponent(KEY),
        Buffer.from(KEY).toString('base64'),
        sent.headers['x-team'],
        sent.headers.authorization,
      ]
      return response.writeHead(status, { location: `/?k=${encodeURIComponent(KEY)}` }).end(forms.join(' '))
    })
    const generator = videosApiGenerator({
      baseUrl: `${server.origin}/v1?token=canary-query-3`,
      apiKey: () => KEY,
      headers: { 'x-team': HEADER },
    })
    for (const call of ['start', 'poll']) {
      const context = stageContext()
      const error = await rejection(
        call === 'start' ? generator.start(request, context) : generator.poll({ id: 'v' }, context),
      )
      const shown = [
        String(error),
        JSON.stringify(error),
        inspect(error, { depth: 20, showHidden: true }),
        (error as Error).stack,
      ]
      for (const secret of ['canary', 'Y2FuYXJ5']) expect(shown.join('\n')).not.toContain(secret)
    }
  })
})

test.each([
  [{ baseUrl: 'https://api.example/v1' }, 'https://api.example/v1'],
  [{ baseUrl: 'https://api.example:8443/a/v1/?key=canary' }, 'https://api.example:8443/a/v1'],
  [{ baseUrl: 'http://10.0.0.7:9000', upstreamId: 'api.example' }, 'api.example'],
])('names the upstream of its jobs: %o', (options, upstream) => {
  expect(videosApiGenerator(options).upstream).toBe(upstream)
})
