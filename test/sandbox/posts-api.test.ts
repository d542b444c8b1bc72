import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Sandbox } from '../../src/sandbox/sandbox.js'
import { startSandbox } from '../../src/sandbox/start-sandbox.js'
import { callJson } from './call-json.js'
import { createVideo, endOf } from './call-videos-api.js'

let sandbox: Sandbox
let video: string
beforeAll(async () => {
  sandbox = await startSandbox({ speed: 60 })
  video = (await createVideo(sandbox)).json.id
  await endOf(sandbox, video)
})
afterAll(() => sandbox.close())

const call = (path: string, init: Parameters<typeof callJson>[1] = {}) => {
  const { baseUrl, token } = sandbox.posts
  return callJson(`${baseUrl}${path}`, { ...init, headers: { authorization: `Bearer ${token}`, ...init.headers } })
}

const publish = (attachment: object = {}, more: object = {}) => {
  const attachments = [{ generation_id: video, kind: 'sora', ...attachment }]
  const body = { attachments_to_create: attachments, post_text: '', ...more }
  return call('/project_y/post', { method: 'POST', body })
}

const idOf = async (...about: Parameters<typeof publish>) => {
  return ((await publish(...about)).json as { post: { id: string } }).post.id
}

const parse = (body: object) => callJson(`${sandbox.parser.baseUrl}/get-sora-link`, { method: 'POST', body })

describe('posts', () => {
  it('are created, read, served by the mirrors, and deleted', async () => {
    const before = Date.now() / 1000
    const { status, json } = await publish({}, { post_text: 'hello' })
    const { post } = json as { post: { id: string; posted_at: number; attachments: readonly { url: string }[] } }
    expect([status, json]).toEqual([
      200,
      {
        post: {
          id: expect.stringMatching(/^s_[0-9a-f]{32}$/),
          text: 'hello',
          posted_at: expect.any(Number),
          permalink: `https://sora.chatgpt.com/p/${post.id}`,
          attachments: [expect.objectContaining({ kind: 'sora', generation_id: video })],
        },
        profile: { user_id: expect.any(String), username: expect.any(String) },
      },
    ])
    expect(post.posted_at).toBeGreaterThanOrEqual(before)
    expect((await fetch(post.attachments[0]?.url ?? '')).headers.get('content-type')).toBe('video/mp4')
    expect((await call(`/project_y/post/${post.id}`)).json).toEqual(json)
    const mirrored = () => Promise.all(sandbox.mirrors.map((origin) => fetch(`${origin}/MP4/${post.id}.mp4`)))
    expect((await mirrored()).map((answer) => answer.status)).toEqual([200, 200, 200])
    const deleted = await call(`/project_y/post/${post.id}`, { method: 'DELETE' })
    expect([deleted.status, deleted.text]).toEqual([204, ''])
    expect((await call(`/project_y/post/${post.id}`, { method: 'DELETE' })).status).toBe(404)
    expect((await call(`/project_y/post/${post.id}`)).status).toBe(404)
    expect((await mirrored()).map((answer) => answer.status)).toEqual([200, 200, 200])
  })

  it('of a generation that the sandbox does not know have no video', async () => {
    const id = await idOf({ generation_id: 'gen_unknown' })
    expect((await call(`/project_y/post/${id}`)).json).toMatchObject({ post: { attachments: [{ url: null }] } })
    expect((await fetch(`${sandbox.mirrors[0]}/MP4/${id}.mp4`)).status).toBe(404)
  })

  it.each([
    [{ generation_id: '' }, {}],
    [{ generation_id: 5 }, {}],
    [{ kind: 'image' }, {}],
    [{}, { post_text: 5 }],
    [{}, { attachments_to_create: [] }],
    [{}, { attachments_to_create: [{ generation_id: 'a', kind: 'sora' }, {}] }],
    [{}, { attachments_to_create: ['a'] }],
  ])('refuse %j %j', async (attachment, more) => {
    const { status, json } = await publish(attachment, more)
    expect([status, json]).toMatchObject([400, { error: { code: 'invalid_request' }, status: 400 }])
    expect((await call('/project_y/post', { method: 'POST' })).status).toBe(400)
  })

  it('require their token', async () => {
    const answer = await call('/project_y/post/x', { headers: { authorization: 'Bearer x' } })
    expect([answer.status, answer.json]).toEqual([
      401,
      {
        error: {
          message: 'Your authentication token has been invalidated. Please try signing in again.',
          type: 'invalid_request_error',
          code: 'token_invalidated',
          param: null,
        },
        status: 401,
      },
    ])
    expect((await call('/nothing')).status).toBe(404)
    sandbox.setFaults({ 'posts.create': [{ kind: 'status', status: 500 }] })
    expect((await publish()).json).toMatchObject({ error: { type: 'server_error', code: null }, status: 500 })
  })
})

describe('the parse server', () => {
  it('answers with an address of the video', async () => {
    const url = `https://sora.chatgpt.com/p/${await idOf()}`
    const { status, json } = await parse({ url, token: sandbox.parser.token })
    const { download_link: link } = json as { download_link: string }
    expect(status).toBe(200)
    const file = await fetch(link)
    expect([file.status, file.headers.get('content-type')]).toEqual([200, 'video/mp4'])
  })

  it('reports what is wrong', async () => {
    const { token } = sandbox.parser
    const id = await idOf()
    await call(`/project_y/post/${id}`, { method: 'DELETE' })
    const url = `https://sora.chatgpt.com/p/${id}`
    const ask = async (body: object) => {
      const { status, json } = await parse(body)
      return [status, Object.keys(json as object)]
    }
    expect(await ask({ url, token: 'x' })).toEqual([401, ['error']])
    expect(await ask([])).toEqual([401, ['error']])
    expect(await ask({ token })).toEqual([400, ['error']])
    expect(await ask({ token, url: 'https://example.com/' })).toEqual([400, ['error']])
    expect(await ask({ token, url })).toEqual([500, ['error']])
    const unknown = `https://sora.chatgpt.com/p/${await idOf({ generation_id: 'gen_unknown' })}`
    expect(await ask({ token, url: unknown })).toEqual([500, ['error']])
    expect((await callJson(`${sandbox.parser.baseUrl}/get-sora-link`)).status).toBe(404)
    sandbox.setFaults({ parser: [{ kind: 'rate-limit' }] })
    expect(await ask({ token, url })).toEqual([429, ['error']])
  })
})
