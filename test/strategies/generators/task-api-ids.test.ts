import { expect, test } from 'vitest'
import { soraPublisher, taskApiGenerator, videosApiGenerator } from '../../../src/strategies/index.js'
import { json, loopbackServer } from '../../upstream/loopback-server.js'
import { rejection, stageContext } from '../../upstream/stage-context.js'

const at = (origin: string) =>
  taskApiGenerator({
    name: 'my-api',
    baseUrl: origin,
    create: ({ prompt }) => ({ path: '/tasks', body: { prompt } }),
    poll: { path: ({ id }) => `/tasks/${encodeURIComponent(id)}` },
    cancel: { method: 'DELETE', path: ({ id }) => `/tasks/${encodeURIComponent(id)}` },
  })

test.each(['.', '..', 'job-\ud800'])(
  'an id that cannot be a part of an address leaves the outcome unknown: %j',
  async (id) => {
    const server = await loopbackServer(json(200, { id, status: 'queued' }))
    const error = await rejection(at(server.origin).start({ prompt: 'A cat' }, stageContext()))
    expect(error).toMatchObject({ code: 'submission-unknown' })
    expect(String(error)).toContain('the id of the job cannot be a part of an address: "')
  },
)

test.each(['.', '..'])('an id of dots in a handle, a remix or a post is refused: %s', async (id) => {
  const server = await loopbackServer(json(200, { post: { id } }))
  const baseUrl = `${server.origin}/v1`
  for (const generator of [at(server.origin), videosApiGenerator({ baseUrl })]) {
    const calls = [generator.poll({ id }, stageContext()), generator.cancel?.({ id }, stageContext())]
    for (const call of calls) expect(await rejection(Promise.resolve(call))).toMatchObject({ code: 'request-invalid' })
  }
  const remix = videosApiGenerator({ baseUrl }).start({ prompt: 'A cat', remixOf: id }, stageContext())
  expect(await rejection(remix)).toMatchObject({ code: 'request-invalid', problems: [{ field: 'remixOf' }] })
  expect(server.seen).toEqual([])
  const posted = soraPublisher({ baseUrl }).publish({ id: 'gen_1', url: 'https://cdn.example/a.mp4' }, stageContext())
  expect(await rejection(posted)).toMatchObject({ code: 'upstream-response', isRetryable: false })
})

test('a login that failed, as MiniMax reports it under 200, is about the credential, in a submission and in a poll', async () => {
  const server = await loopbackServer(json(200, { base_resp: { status_code: 1004, status_msg: 'login fail' } }))
  const generator = at(server.origin)
  expect(await rejection(generator.start({ prompt: 'A cat' }, stageContext()))).toMatchObject({
    code: 'authentication',
  })
  expect(await rejection(generator.poll({ id: 't1' }, stageContext()))).toMatchObject({ code: 'authentication' })
})

test('the password of a configured Basic header is masked where a server repeats it decoded', async () => {
  const password = 'Tr0ub4dor-Xk29'
  const server = await loopbackServer(json(401, { error: `no user with password ${password}` }))
  const generator = taskApiGenerator({
    name: 'my-api',
    baseUrl: server.origin,
    headers: { Authorization: `Basic ${btoa(`user:${password}`)}` },
    create: ({ prompt }) => ({ path: '/tasks', body: { prompt } }),
    poll: { path: ({ id }) => `/tasks/${id}` },
  })
  const error = await rejection(generator.start({ prompt: 'A cat' }, stageContext()))
  expect(error).toMatchObject({ code: 'authentication' })
  expect(JSON.stringify(error)).not.toContain(password)
})
