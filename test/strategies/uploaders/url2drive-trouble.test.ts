import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { withRetry } from '../../../src/index.js'
import { fakeContext, manualClock } from '../../../src/testing/index.js'
import { deadOrigin } from '../../upstream/loopback-server.js'
import { rejection } from '../../upstream/stage-context.js'
import {
  event,
  PASSWORD,
  publicVideo,
  type SpaceScript,
  scriptedSpace,
  stream,
  TOKEN,
  uploadContext,
} from './scripted-space.js'

type Handler = NonNullable<SpaceScript['config']>

const page =
  (status: number): Handler =>
  (_, response) =>
    response
      .writeHead(status, { 'content-type': 'text/html' })
      .end('<!doctype html><title>Building</title><h1>Wait</h1>')
const answer =
  (status: number, body: unknown): Handler =>
  (_, response) =>
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
const hang: Handler = () => undefined
const reset: Handler = (_, response) => response.socket?.resetAndDestroy()
const begun =
  (...parts: string[]): Handler =>
  (_, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' }).write(parts.join(''))
    setImmediate(() => response.socket?.resetAndDestroy())
  }
/** Everything that a request contained, as Gradio's validation errors do. */
const echo =
  (status: number): Handler =>
  (sent, response) =>
    response.writeHead(status, { 'content-type': 'application/json' }).end(
      JSON.stringify({
        detail: [{ msg: `${sent.headers.authorization} ${sent.body}`, input: sent.body.toString() }],
      }),
    )

describe('a Space that sleeps', () => {
  test.each([
    ['pages with 503', page(503)],
    ['pages with 200', page(200)],
    ['502', page(502)],
    ['resets', reset],
  ])('is waited for: %s', async (_, config) => {
    const { uploader, space } = await scriptedSpace({ config })
    const context = uploadContext()
    const awake = context.clock.sleep
    let count = 0
    context.clock.sleep = async (ms, options) => {
      count += ms > 10_000 ? 0 : 1
      if (count === 3) space.script = {}
      return awake(ms, options)
    }
    expect(await uploader().upload(publicVideo(), context)).toMatchObject({ id: '1AbC' })
    expect(context.clock.waits).toEqual([1_000, 2_000, 4_000])
    expect(context.progress.slice(0, 4).map(({ phase }) => phase)).toEqual(['waking', 'waking', 'waking', 'uploading'])
  })

  test('is waited for as long as it requires, and given up in time', async () => {
    const { uploader, asked } = await scriptedSpace({
      config: (_, response) => response.writeHead(503, { 'retry-after': '5' }).end('asleep'),
    })
    const context = uploadContext()
    expect(await rejection(uploader({ wakeTimeoutMs: 12_000 }).upload(publicVideo(), context))).toMatchObject({
      code: 'overloaded',
      isRetryable: true,
    })
    expect(context.clock.waits).toEqual([5_000, 5_000, 2_000])
    expect(asked()).toHaveLength(4)
  })

  test('gets one request when waiting is switched off', async () => {
    const { uploader, asked } = await scriptedSpace({ config: page(500) })
    const error = await rejection(uploader({ wakeTimeoutMs: 0 }).upload(publicVideo(), uploadContext()))
    expect(error).toMatchObject({ code: 'upstream-http', status: 500, isRetryable: true })
    expect(asked()).toHaveLength(1)
  })

  test.each<[string, SpaceScript, object, string]>([
    ['a login of Gradio', { config: answer(401, { detail: 'Not authenticated' }) }, { code: 'authentication' }, '401'],
    [
      'a Space that is private',
      { config: page(404) },
      { status: 404 },
      'it is private and the token is missing or wrong',
    ],
    ['too many requests', { config: page(429) }, { code: 'rate-limited' }, '429'],
    [
      'another function',
      { info: answer(200, { named_endpoints: {} }) },
      { code: 'upstream-response', isRetryable: false },
      'has no such function',
    ],
    ['another kind of function', { parameters: [{}] }, { isRetryable: false }, 'takes 1 inputs instead of 2 or 3'],
    ['no schema', { info: answer(404, {}) }, { status: 404 }, '404'],
  ])('is not waited for when it is awake: %s', async (_, script, fields, text) => {
    const { uploader } = await scriptedSpace(script)
    const context = uploadContext()
    const error = await rejection(uploader().upload(publicVideo(), context))
    expect(error).toMatchObject(fields)
    expect(String(error)).toContain(text)
    expect(context.clock.waits).toEqual([])
  })

  test('is not waited for where the port is closed', async () => {
    const { uploader } = await scriptedSpace()
    const context = uploadContext()
    const error = await rejection(uploader({ baseUrl: await deadOrigin() }).upload(publicVideo(), context))
    expect(error).toMatchObject({ code: 'network', isRetryable: true, isRefusal: true })
    expect(context.clock.waits).toEqual([])
  })
})

describe('a submission', () => {
  test.each<[string, Handler, object]>([
    [
      'full queue',
      answer(503, { detail: 'Queue is full. Max size is 1 and size is 1.' }),
      { code: 'overloaded', isRetryable: true },
    ],
    ['login', answer(401, { detail: { error: 'Not authenticated' } }), { code: 'authentication' }],
    ['refused inputs', echo(422), { code: 'upstream-http', status: 422, isRetryable: false }],
  ])('that is refused was not made: %s', async (_, submit, fields) => {
    const { uploader } = await scriptedSpace({ submit })
    const error = await rejection(uploader().upload(publicVideo(), uploadContext()))
    expect(error).toMatchObject(fields)
    expect(String(error)).not.toContain('all the same')
  })

  test.each<[string, Handler, string]>([
    ['500', answer(500, {}), 'upstream-response'],
    ['a reset', reset, 'network'],
    ['a page', page(200), 'upstream-response'],
    ['an invalid id', answer(200, { event_id: '../a' }), 'upstream-response'],
  ])('that was perhaps made is not repeated: %s', async (_, submit, code) => {
    const { uploader, submitted } = await scriptedSpace({ submit })
    const error = await rejection(withRetry(uploader()).upload(publicVideo(), uploadContext()))
    expect(error).toMatchObject({ code, isRetryable: false })
    expect(String(error)).toContain('the file may be in Google Drive')
    expect(submitted()).toHaveLength(1)
  })
})

describe('a stream', () => {
  test.each<[string, Handler, string, string]>([
    ['is reset at once', reset, 'network', 'no answer'],
    ['is reset on the way', begun(event('heartbeat', null)), 'network', 'no answer'],
    [
      'ends without a result',
      stream(event('generating', [null])),
      'upstream-response',
      'ended the stream without a result',
    ],
    ['ends within its result', stream('event: complete\ndata: [{}]\n'), 'upstream-response', 'without a result'],
    ['is a page', page(200), 'upstream-response', 'answered with text/html instead of a stream'],
    ['is nothing', (_, response) => response.end(), 'upstream-response', 'no media type instead of a stream'],
    ['is refused', page(404), 'upstream-response', 'answered 404'],
    ['is not JSON', stream('event: complete\ndata: [{"status"\n\n'), 'upstream-response', 'a result that is not JSON'],
    [
      'is of another session',
      stream(event('error', '404: Session not found.')),
      'upstream-response',
      'Session not found',
    ],
  ])('that %s leaves the outcome unknown', async (_, handler, code, text) => {
    const { uploader, submitted } = await scriptedSpace({ stream: handler })
    const error = await rejection(withRetry(uploader()).upload(publicVideo(), uploadContext()))
    expect(error).toMatchObject({ code, isRetryable: false })
    expect(String(error)).toContain('the file may be in Google Drive')
    expect(String(error)).toContain(text)
    expect(submitted()).toHaveLength(1)
  })

  test.each([
    ['silent', { idleTimeoutMs: 60_000 }, 60_000, 'was silent for 60000 ms'],
    ['endless', { uploadTimeoutMs: 50_000 }, 50_000, 'did not answer within 50000 ms'],
  ])('that is %s leaves the outcome unknown', async (_, options, ms, text) => {
    const { uploader } = await scriptedSpace({
      stream: (_, response) =>
        response.writeHead(200, { 'content-type': 'text/event-stream' }).write(event('heartbeat', null)),
    })
    const clock = manualClock()
    const context = fakeContext({ clock })
    const upload = rejection(uploader(options).upload(publicVideo(), context))
    await expect.poll(() => context.progress.length, { timeout: 10_000 }).toBe(2)
    await clock.advance(ms)
    const error = await upload
    expect(error).toMatchObject({ code: 'network', isRetryable: false })
    expect(String(error)).toContain(text)
    expect(clock.pending).toBe(0)
  })

  test('that never begins leaves the outcome unknown', async () => {
    const { uploader } = await scriptedSpace({ stream: hang })
    const error = await rejection(uploader({ timeoutMs: 200 }).upload(publicVideo(), uploadContext()))
    expect(error).toMatchObject({ code: 'network', isRetryable: false })
  })

  test.each<[string, unknown, string]>([
    ['nothing, up to Gradio 6.12', null, 'says nothing more'],
    ['an error without a text', { error: null, visible: true }, 'says nothing more'],
    ['an error', { error: 'Out of cheese', title: 'Error' }, 'says Out of cheese'],
  ])('that reports a failure with %s is a failure', async (_, data, text) => {
    const { uploader } = await scriptedSpace({ stream: stream(event('error', data)) })
    const error = await rejection(uploader().upload(publicVideo(), uploadContext()))
    expect(error).toMatchObject({ code: 'upstream-response', isRetryable: true })
    expect(String(error)).toContain(text)
  })

  test('is closed by an abort', async () => {
    let isClosed = false
    const { uploader } = await scriptedSpace({
      stream: (_, response) => {
        response.once('close', () => {
          isClosed = true
        })
        response.writeHead(200, { 'content-type': 'text/event-stream' }).write(event('heartbeat', null))
      },
    })
    const controller = new AbortController()
    const context = uploadContext({ signal: controller.signal })
    const upload = rejection(uploader().upload(publicVideo(), context))
    await expect.poll(() => context.progress.length, { timeout: 10_000 }).toBe(2)
    const reason = new Error('enough')
    controller.abort(reason)
    expect(await upload).toBe(reason)
    await expect.poll(() => isClosed, { timeout: 10_000 }).toBe(true)
  })
})

describe('secrets', () => {
  const everywhere = (handler: Handler): SpaceScript[] =>
    (['config', 'info', 'submit', 'stream'] as const).map((step) => ({ [step]: handler }))
  const echoed = `${PASSWORD} ${TOKEN} https://cdn.example/a.mp4?sig=canary-signature-1 sig=canary-signature-1`
  const said: SpaceScript[] = [
    { stream: stream(event('error', { error: echoed })) },
    { stream: stream(event('error', echoed)) },
    { stream: stream(event('complete', [{ status: 'error', message: echoed }])) },
    { stream: stream(event('complete', [{ status: echoed }])) },
    { stream: stream(event('complete', echoed)) },
    { stream: stream(`event: complete\ndata: ${echoed}\n\n`) },
    { parameters: [{ parameter_default: echoed }] },
  ]
  const faults = [
    // A page without another prefix counts like a config.
    ...everywhere(echo(200)).slice(1),
    ...[302, 400, 401, 403, 404, 409, 422, 429, 500, 503].flatMap((status) => everywhere(echo(status))),
    ...everywhere(reset),
    ...everywhere(page(200)),
    ...everywhere(hang),
    ...said,
  ]

  test.each(faults.map((script, index) => [index, script] as const))(
    'are in no error, report or warning: fault %i',
    async (_, script) => {
      const { uploader } = await scriptedSpace(script)
      const context = uploadContext()
      const drive = uploader({ token: TOKEN, userName: 'bob', wakeTimeoutMs: 0, timeoutMs: 100 })
      const error = await rejection(drive.upload(publicVideo(), context))
      const seen = `${inspect(error, { depth: 12 })}${JSON.stringify([error, context.progress, context.warnings])}`
      expect(seen).toContain('Could not')
      expect(seen).not.toMatch(/canary/i)
    },
  )

  test.each(['pw', '密码'])('are not even a short password: %s', async (password) => {
    const { uploader } = await scriptedSpace({ submit: echo(422) })
    const error = await rejection(uploader({ password }).upload(publicVideo(), uploadContext()))
    expect(inspect(error, { depth: 12 })).not.toContain(password)
  })
})
