import { expect, test } from 'vitest'
import {
  chatCompletionsGenerator,
  falGenerator,
  type TaskApiGeneratorOptions,
  taskApiGenerator,
  videosApiGenerator,
} from '../../../src/strategies/index.js'
import { json, loopbackServer, videoBytes } from '../../upstream/loopback-server.js'
import { rejection, stageContext } from '../../upstream/stage-context.js'

const optionsAt = (origin: string, options: Partial<TaskApiGeneratorOptions> = {}): TaskApiGeneratorOptions => ({
  name: 'my-api',
  baseUrl: origin,
  create: ({ prompt }) => ({ path: '/tasks', body: { prompt } }),
  poll: { path: ({ id }) => `/tasks/${encodeURIComponent(id)}` },
  ...options,
})
type Read = NonNullable<TaskApiGeneratorOptions['read']>

test.each<[string, Read, string]>([
  [
    'a text of no list',
    ({ text }) => (text('status') ? { urls: text('u') as never } : {}),
    'urls is "https://cdn.example/a.mp4" (give a list of texts',
  ],
  [
    'a hole in a list',
    ({ text }) => (text('status') ? { urls: [text('none') as never] } : {}),
    'urls[0] is nothing (give a list of texts',
  ],
  [
    'a fraction as id',
    ({ at }) => (at('status') ? { id: at('n') as never } : {}),
    'id is 1.5 (give a text or a whole number',
  ],
  [
    'an object as prompt',
    ({ at }) => (at('status') ? { prompt: at('o') as never } : {}),
    'prompt is an object (give a text',
  ],
  [
    'a negative wait',
    ({ at }) => (at('status') ? { pollAfterMs: at('m') as never } : {}),
    'pollAfterMs is -1 (give milliseconds from 0',
  ],
])('a reading of another shape names the field, its value and the fix: %s', async (_, read, said) => {
  const body = { id: 't1', status: 'succeeded', u: 'https://cdn.example/a.mp4', n: 1.5, o: {}, m: -1 }
  const server = await loopbackServer(json(200, body))
  const error = await rejection(taskApiGenerator(optionsAt(server.origin, { read })).poll({ id: 't1' }, stageContext()))
  expect(error).toMatchObject({ code: 'upstream-response' })
  expect(String(error)).toContain(said)
})

test('a whole number is an id', async () => {
  const server = await loopbackServer(json(200, { n: 17, status: 'queued' }))
  const read: Read = ({ at }) => ({ id: at('n') as number })
  const { operation } = await taskApiGenerator(optionsAt(server.origin, { read })).start(
    { prompt: 'A cat' },
    stageContext(),
  )
  expect(operation).toEqual({ id: '17' })
})

test('an address in urls that cannot be used is named', async () => {
  const server = await loopbackServer(json(200, { id: 't1', status: 'succeeded' }))
  const generator = taskApiGenerator(optionsAt(server.origin, { read: () => ({ urls: ['nope'] }) }))
  await generator.poll({ id: 't1' }, stageContext())
  const error = await rejection(generator.poll({ id: 't1' }, stageContext()))
  expect(String(error)).toContain('urls[0] is "nope", which is not an address of a video that can be used')
})

test('an address that read gives on another origin gives one warning, in a submission and in polls', async () => {
  const server = await loopbackServer(json(200, { id: 't1', status: 'running' }))
  const read: Read = () => ({ resultUrl: 'https://files.example/f?a=1', cancelUrl: '/own' })
  const generator = taskApiGenerator(optionsAt(server.origin, { read }))
  const [started, polled] = [stageContext(), stageContext()]
  await generator.start({ prompt: 'A cat' }, started)
  await generator.poll({ id: 't1' }, polled)
  await generator.poll({ id: 't1' }, polled)
  for (const { warnings } of [started, polled]) {
    const message = `Could not use resultUrl of read() at my-api: "https://files.example/f?a=1" is not on the origin of baseUrl, ${server.origin}`
    expect(warnings).toEqual([{ code: 'foreign-address', message }])
  }
})

async function resultsOf(answers: readonly [status: number, body: object][]) {
  let asked = 0
  const server = await loopbackServer((sent, response, request) => {
    if (!sent.url.endsWith('/result')) return json(200, { id: 't1', status: 'completed' })(sent, response, request)
    const [status, body] = answers[Math.min(asked++, answers.length - 1)] ?? [500, {}]
    return json(status, body)(sent, response, request)
  })
  const generator = taskApiGenerator(optionsAt(server.origin, { result: { path: ({ id }) => `/tasks/${id}/result` } }))
  return () => generator.poll({ id: 't1' }, stageContext()).catch((error: unknown) => error)
}
const VIDEO = [200, { url: 'https://cdn.example/a.mp4' }] as [number, object]
const REFUSED = [400, { error: 'bad seed' }] as [number, object]

test('a result that is not ready yet costs a poll, however often', async () => {
  const early = [400, { error: 'Task is not completed yet, current status: RUNNING' }] as [number, object]
  const poll = await resultsOf([early, early, early, early, VIDEO])
  for (const _ of [1, 2, 3, 4])
    expect(await poll()).toMatchObject({ code: 'upstream-http', status: 400, isRetryable: true })
  expect(await poll()).toMatchObject({ state: 'completed' })
})

test('a 400 to the request for a result is the verdict on the third in a row; 413 and 422 at once', async () => {
  const poll = await resultsOf([REFUSED, REFUSED, VIDEO, REFUSED])
  const outcomes = []
  for (const _ of [1, 2, 3, 4, 5, 6]) outcomes.push(await poll())
  const [missed, completed] = [{ code: 'upstream-http', status: 400 }, { state: 'completed' }]
  const failed = { state: 'failed', error: { code: 'generation-failed', upstreamCode: '400' } }
  expect(outcomes).toMatchObject([missed, missed, completed, missed, missed, failed])
  for (const status of [413, 422]) expect(await (await resultsOf([[status, {}]]))()).toMatchObject({ state: 'failed' })
})

test('the answer to the request for a result may be the video itself', async () => {
  const server = await loopbackServer((sent, response, request) => {
    if (!sent.url.endsWith('/result')) return json(200, { id: 't1', status: 'completed' })(sent, response, request)
    return response.writeHead(200, { 'content-type': 'video/mp4' }).end(videoBytes(500))
  })
  const generator = taskApiGenerator(optionsAt(server.origin, { result: { path: ({ id }) => `/tasks/${id}/result` } }))
  expect(await generator.poll({ id: 't1' }, stageContext())).toMatchObject({ state: 'completed' })
})

test.each<[string, () => unknown, string]>([
  [
    'taskApiGenerator',
    () =>
      taskApiGenerator({
        ...optionsAt('https://api.example'),
        apiKey: 'k-1',
        headers: { Authorization: 'Basic eA==' },
      }),
    'Authorization',
  ],
  [
    'a key in a header of its own',
    () =>
      taskApiGenerator({
        ...optionsAt('https://api.example'),
        apiKey: 'k-1',
        authScheme: 'x-api-key',
        headers: { 'X-Api-Key': 'k-2' },
      }),
    'X-Api-Key',
  ],
  [
    'videosApiGenerator',
    () =>
      videosApiGenerator({ baseUrl: 'https://api.example', apiKey: 'k-1', headers: { authorization: 'Basic eA==' } }),
    'authorization',
  ],
  [
    'chatCompletionsGenerator',
    () =>
      chatCompletionsGenerator({
        baseUrl: 'https://api.example',
        model: 'm',
        apiKey: 'k-1',
        headers: { authorization: 'Basic eA==' },
      }),
    'authorization',
  ],
])('a header beside the key that is sent in it is refused: %s', async (_, create, name) => {
  const error = await rejection(Promise.resolve().then(create))
  expect(error).toMatchObject({ code: 'configuration-invalid', problems: [{ field: `headers["${name}"]` }] })
  expect(String(error)).toContain('leave it out, or leave apiKey out')
})

test('a header that the key is not sent in stays beside it', () => {
  const given = { ...optionsAt('https://api.example'), apiKey: 'k-1', authScheme: 'x-api-key' as const }
  expect(taskApiGenerator({ ...given, headers: { authorization: 'Basic eA==' } }).name).toBe('my-api')
})

test('a header beside the required key of a provider is sent in its place', async () => {
  const server = await loopbackServer(json(200, { request_id: 't1', status: 'IN_QUEUE', status_url: '/status' }))
  const headers = { authorization: 'Basic eA==' }
  const generator = falGenerator({ baseUrl: server.origin, model: 'm', apiKey: 'k-1', headers })
  await generator.start({ prompt: 'A cat' }, stageContext())
  expect(server.seen[0]?.headers.authorization).toBe('Basic eA==')
})
