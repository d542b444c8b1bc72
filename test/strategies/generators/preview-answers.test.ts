import { expect, test } from 'vitest'
import type { JsonObject } from '../../../src/contracts/json.js'
import { taskApiGenerator, videosApiGenerator } from '../../../src/strategies/index.js'
import { loopbackServer, videoBytes } from '../../upstream/loopback-server.js'
import { readAll, stageContext } from '../../upstream/stage-context.js'

const MAIN = videoBytes(3_000)
const PREVIEW = videoBytes(500)
const DONE = { id: 'x', status: 'completed' }

/** A server with a preview, a main video at `/content` if it has one, and one answer to each poll in turn. */
async function serverOf(answers: readonly JsonObject[], { hasContent = true } = {}) {
  let polls = 0
  return loopbackServer(({ url }, response) => {
    const file = url?.endsWith('/preview.mp4') ? PREVIEW : url?.endsWith('/content') && hasContent ? MAIN : undefined
    if (file !== undefined) return response.writeHead(200, { 'content-type': 'video/mp4' }).end(file)
    if (url?.endsWith('/content')) return response.writeHead(410).end()
    const body = JSON.stringify(answers[Math.min(polls, answers.length - 1)]).replaceAll(
      'http://HOST',
      originOf(response),
    )
    polls += 1
    return response.writeHead(200, { 'content-type': 'application/json' }).end(body)
  })
}

const originOf = ({ req }: { readonly req: { readonly headers: { readonly host?: string | undefined } } }) =>
  `http://${req.headers.host}`

const videosApi = (origin: string) => videosApiGenerator({ baseUrl: `${origin}/v1`, model: 'm', encoding: 'json' })
const PREVIEW_URL = 'http://HOST/files/preview.mp4'

test.each([
  { ...DONE, preview_url: PREVIEW_URL },
  { ...DONE, object: 'video', preview_url: PREVIEW_URL },
  { ...DONE, files: [{ type: 'preview', url: PREVIEW_URL }] },
])('the main video at the place of the server goes before a preview: %j', async (answer) => {
  const server = await serverOf([answer])
  const generator = videosApi(server.origin)
  let status = await generator.poll({ id: 'x' }, stageContext())
  for (let poll = 0; poll < 4 && status.state !== 'completed'; poll += 1)
    status = await generator.poll({ id: 'x' }, stageContext())
  if (status.state !== 'completed') throw new Error(status.state)
  expect((await readAll((await status.video.source?.open()) as ReadableStream)).equals(MAIN)).toBe(true)
})

test('a preview is the last place, where nothing else can be opened', async () => {
  const server = await serverOf([{ ...DONE, object: 'video', preview_url: PREVIEW_URL }], { hasContent: false })
  const status = await videosApi(server.origin).poll({ id: 'x' }, stageContext())
  if (status.state !== 'completed') throw new Error(status.state)
  expect((await readAll((await status.video.source?.open()) as ReadableStream)).equals(PREVIEW)).toBe(true)
})

test('a preview alone is not the end of a job without a state', async () => {
  const main = { id: 'x', preview_url: PREVIEW_URL, video_url: 'http://HOST/files/main.mp4' }
  const server = await serverOf([{ id: 'x', preview_url: PREVIEW_URL }, main])
  const generator = videosApi(server.origin)
  expect(await generator.poll({ id: 'x' }, stageContext())).toMatchObject({ state: 'running' })
  expect(await generator.poll({ id: 'x' }, stageContext())).toMatchObject({
    state: 'completed',
    video: { url: `${server.origin}/files/main.mp4` },
  })
})

test('a completed job that names only a preview is polled once more, and then has the preview', async () => {
  const server = await serverOf([{ ...DONE, preview_url: PREVIEW_URL }])
  const generator = taskApiGenerator({
    name: 'api',
    baseUrl: server.origin,
    create: ({ prompt }) => ({ path: '/tasks', body: { prompt } }),
    poll: { path: ({ id }) => `/tasks/${id}` },
  })
  expect(await generator.poll({ id: 'x' }, stageContext())).toMatchObject({ state: 'running' })
  expect(await generator.poll({ id: 'x' }, stageContext())).toMatchObject({
    state: 'completed',
    video: { url: `${server.origin}/files/preview.mp4` },
  })
})
