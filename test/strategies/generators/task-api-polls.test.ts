import { describe, expect, test } from 'vitest'
import { paceSchedule, SoraPipeline } from '../../../src/index.js'
import { type TaskApiGeneratorOptions, taskApiGenerator, videosApiGenerator } from '../../../src/strategies/index.js'
import { json, loopbackServer } from '../../upstream/loopback-server.js'
import { rejection, stageContext } from '../../upstream/stage-context.js'

const at = (baseUrl: string, options: Partial<TaskApiGeneratorOptions> = {}) =>
  taskApiGenerator({
    name: 'my-api',
    baseUrl,
    create: ({ prompt }) => ({ path: '/tasks', body: { prompt } }),
    poll: { path: ({ id }) => `/tasks/${id}` },
    ...options,
  })

describe('a poll that describes no job', () => {
  const bodies = [
    { code: 404, msg: 'task not found' },
    { base_resp: { status_code: 1004, status_msg: 'no such task' } },
    { success: false, message: 'internal' },
    { msg: 'Your account has insufficient balance' },
    {},
    { code: 0, data: null },
    { message: 'ok' },
    { request_id: 'r-7' },
  ]
  test.each(bodies)('is missed: %j', async (body) => {
    const server = await loopbackServer(json(200, body))
    for (const generator of [at(server.origin), videosApiGenerator({ baseUrl: server.origin })]) {
      expect(await rejection(generator.poll({ id: 'j1' }, stageContext()))).toMatchObject({
        message: expect.stringMatching(
          /Could not poll the job: .*\(it (?:describes no job|is an error without a job)\)/,
        ),
        isRetryable: true,
      })
    }
  })

  test('gives a warning, and its reason is in the error at the deadline', async () => {
    const server = await loopbackServer((sent, response, request) =>
      json(200, sent.method === 'POST' ? { id: 'j1' } : { code: 404, msg: 'task not found' })(sent, response, request),
    )
    const run = new SoraPipeline({
      generator: at(server.origin),
      deadlines: { generateMs: 300 },
      pollSchedule: paceSchedule({ firstMs: 20, floorMs: 20, blindMs: 20 }),
    }).run({ prompt: 'A cat' })
    const error = await rejection(run.result)
    expect(error).toMatchObject({
      code: 'stage-timeout',
      message: expect.stringMatching(/the last poll failed: .*an error without a job.*task not found/),
    })
    const warnings: string[] = []
    for await (const event of run) if (event.type === 'warning') warnings.push(event.code)
    expect(warnings).toEqual(['poll-missed'])
  })

  test.each([
    [200, { id: 'j1' }],
    [200, { progress: 40 }],
    [200, { message: 'Task is processing' }],
    [200, { code: 1, message: 'still running' }],
    [200, { request_id: 'j1' }],
    [202, {}],
  ])('is another one than %i %j, of a job that runs', async (status, body) => {
    const server = await loopbackServer(json(status, body))
    expect(await at(server.origin).poll({ id: 'j1' }, stageContext())).toMatchObject({ state: 'running' })
  })
})

describe('a poll whose id is that of something else', () => {
  const body = { id: 'video-77', status: 'succeeded', url: 'https://cdn.example/a.mp4' }

  test('is missed, and its error shows the id and what to do', async () => {
    const server = await loopbackServer(json(200, body))
    const error = await rejection(at(server.origin).poll({ id: 'j1' }, stageContext()))
    expect(String(error)).toContain(
      'another job, video-77; if that is no id of a job, let read return id: null for polls',
    )
    const other = await rejection(videosApiGenerator({ baseUrl: server.origin }).poll({ id: 'j1' }, stageContext()))
    expect(String(other)).toContain('it is about another job, video-77)')
  })

  test('counts where read reports that there is no id of a job', async () => {
    const server = await loopbackServer((sent, response, request) =>
      json(200, sent.method === 'POST' ? { task_id: 'j1' } : body)(sent, response, request),
    )
    const generator = at(server.origin, { read: ({ phase }) => (phase === 'poll' ? { id: null } : {}) })
    const { operation } = await generator.start({ prompt: 'A cat' }, stageContext())
    expect(operation).toEqual({ id: 'j1' })
    expect(await generator.poll(operation, stageContext())).toMatchObject({
      state: 'completed',
      video: { id: 'j1', url: body.url },
    })
  })

  test('is no id of a submission either', async () => {
    const server = await loopbackServer(json(200, { id: 'u1', request_id: 'r1', status: 'queued' }))
    const generator = at(server.origin, { read: () => ({ id: null }) })
    expect(await rejection(generator.start({ prompt: 'A cat' }, stageContext()))).toMatchObject({
      code: 'submission-unknown',
    })
  })
})

describe('the paths of later requests are tried with the data of each submission', () => {
  const byKind = ({ id, data }: { id: string; data?: object }) => `/${(data as { kind: string }).kind}/${id}`

  test.each<[string, Partial<TaskApiGeneratorOptions>]>([
    ['poll', { poll: { path: byKind } }],
    ['result', { result: { path: byKind } }],
    ['cancel', { cancel: { path: byKind } }],
  ])('that %s needs, and create does not return', async (name, options) => {
    const server = await loopbackServer(json(200, { id: 'j1', status: 'running' }))
    const error = await rejection(at(server.origin, options).start({ prompt: 'A cat' }, stageContext()))
    expect(error).toMatchObject({
      code: 'configuration-invalid',
      message: expect.stringContaining(`${name}.path() failed: TypeError`),
    })
    expect(server.seen).toHaveLength(0)
  })

  test('that one kind of job has, and another lacks', async () => {
    const server = await loopbackServer(json(200, { id: 'j1', status: 'running' }))
    const generator = at(server.origin, {
      create: ({ prompt, image }) =>
        image === undefined
          ? { path: '/t2v', body: { prompt }, data: { kind: 't2v' } }
          : { path: '/i2v', body: { prompt, image } },
      poll: { path: byKind },
    })
    await generator.start({ prompt: 'A cat' }, stageContext())
    const request = { prompt: 'A cat', image: 'https://in.example/a.png' }
    expect(await rejection(generator.start(request, stageContext()))).toMatchObject({ code: 'configuration-invalid' })
    expect(server.seen.map(({ url }) => url)).toEqual(['/t2v'])
  })

  test('that read may add', async () => {
    const server = await loopbackServer(json(200, { id: 'j1', status: 'running', kind: 'a' }))
    const read: TaskApiGeneratorOptions['read'] = ({ text }) => ({ data: { kind: text('kind') } })
    const { operation } = await at(server.origin, { read, poll: { path: byKind } }).start(
      { prompt: 'A' },
      stageContext(),
    )
    expect(operation).toEqual({ id: 'j1', data: { kind: 'a' } })
  })
})
