import { describe, expect, test } from 'vitest'
import { SoraPipeline } from '../../../src/index.js'
import { taskApiGenerator, videosApiGenerator } from '../../../src/strategies/index.js'
import { manualClock } from '../../../src/testing/index.js'
import { fastClock } from '../../faults/fast-clock.js'
import { loopbackServer } from '../../upstream/loopback-server.js'
import { rejection, stageContext } from '../../upstream/stage-context.js'

const EARLY = 'https://cdn.example/early.mp4'
const CREATED = { id: 'job_1', data: [{ url: EARLY }] }

type Answer = readonly [status: number, body: unknown]

/** A server that answers a submission with an address and no state, and each poll as given, the last again and again. */
async function serving(polls: readonly Answer[], created: unknown = CREATED) {
  const left = [...polls]
  const server = await loopbackServer(({ method }, response) => {
    const [status, body] =
      method === 'POST' ? [200, created] : ((left.length > 1 ? left.shift() : left[0]) ?? [500, ''])
    const text = typeof body === 'string' ? body : JSON.stringify(body).replaceAll('ORIGIN', server.origin)
    response.writeHead(status, { 'content-type': 'application/json' }).end(text)
  })
  const generator = videosApiGenerator({ baseUrl: `${server.origin}/v1`, apiKey: 'canary-key-1', encoding: 'json' })
  return { server, generator }
}

describe('an address that the answer to a submission names without a state', () => {
  test('is not the video while its job runs', async () => {
    const { generator } = await serving([
      [200, { id: 'job_1', status: 'in_progress', data: [{ url: EARLY }] }],
      [200, { id: 'job_1', status: 'completed', url: 'https://cdn.example/late.mp4' }],
    ])
    const { operation, status } = await generator.start({ prompt: 'A cat' }, stageContext())
    expect([operation, status]).toEqual([{ id: 'job_1', videoUrl: EARLY }, { state: 'running' }])
    expect(await generator.poll(operation, stageContext())).toMatchObject({ state: 'running' })
    const ended = await generator.poll(operation, stageContext())
    expect(ended).toMatchObject({ state: 'completed', video: { url: 'https://cdn.example/late.mp4' } })
  })

  test('is the video if a poll shows the same', async () => {
    const { generator } = await serving([[200, CREATED]])
    const { operation } = await generator.start({ prompt: 'A cat' }, stageContext())
    expect(await generator.poll(operation, stageContext())).toMatchObject({ state: 'completed', video: { url: EARLY } })
  })

  test.each([405, 501])('is the video at once for a server whose polls are answered with %i', async (status) => {
    const { generator } = await serving([[status, '']])
    const { operation } = await generator.start({ prompt: 'A cat' }, stageContext())
    expect(await generator.poll(operation, stageContext())).toMatchObject({
      state: 'completed',
      video: { id: 'job_1', url: EARLY, source: { isPublic: true, url: EARLY } },
    })
  })

  test.each([
    ['404', [404, { detail: 'Not Found' }], 3, 60_000],
    ['410', [410, ''], 3, 60_000],
    ['a page', [200, '<!doctype html>'], 5, 300_000],
  ] as const)('is the video once polls keep answering %s', async (_, answer, polls, spanMs) => {
    const { generator } = await serving([answer])
    const clock = manualClock()
    const context = { ...stageContext(), clock }
    const { operation } = await generator.start({ prompt: 'A cat' }, context)
    for (let poll = 1; poll < polls; poll += 1) {
      expect(await rejection(generator.poll(operation, context))).toMatchObject({ isRetryable: true })
    }
    await clock.advance(spanMs - 1)
    expect(await rejection(generator.poll(operation, context))).toMatchObject({ isRetryable: true })
    await clock.advance(1)
    expect(await generator.poll(operation, context)).toMatchObject({ state: 'completed', video: { url: EARLY } })
  })

  test('is not the video of a job that was found and then vanished', async () => {
    const { generator } = await serving([
      [404, ''],
      [200, { id: 'job_1', status: 'queued' }],
      [404, ''],
    ])
    const clock = manualClock()
    const context = { ...stageContext(), clock }
    const { operation } = await generator.start({ prompt: 'A cat' }, context)
    await rejection(generator.poll(operation, context))
    expect(await generator.poll(operation, context)).toMatchObject({ state: 'queued' })
    for (let poll = 0; poll < 5; poll += 1) {
      await clock.advance(60_000)
      expect(await rejection(generator.poll(operation, context))).toMatchObject({ status: 404, isRetryable: false })
    }
  })

  test('is the video of a job that is completed and names none', async () => {
    const { server } = await serving([
      [200, { id: 'job_1', status: 'queued' }],
      [200, { id: 'job_1', status: 'completed' }],
    ])
    const generator = taskApiGenerator({
      name: 'my-api',
      baseUrl: server.origin,
      create: ({ prompt }) => ({ path: '/videos', body: { prompt } }),
      poll: { path: ({ id }) => `/videos/${id}` },
    })
    const { operation } = await generator.start({ prompt: 'A cat' }, stageContext())
    for (const state of ['queued', 'running']) {
      expect(await generator.poll(operation, stageContext())).toMatchObject({ state })
    }
    expect(await generator.poll(operation, stageContext())).toMatchObject({ state: 'completed', video: { url: EARLY } })
  })

  test('is not kept without evidence of a video', async () => {
    const { generator } = await serving([[404, '']], { id: 'job_1', url: 'https://gateway.example/jobs/1' })
    const { operation, status } = await generator.start({ prompt: 'A cat' }, stageContext())
    expect([operation, status]).toEqual([{ id: 'job_1' }, { state: 'running' }])
  })

  test.each([401, 429, 500, 503])('stays open while polls are answered with %i', async (status) => {
    const { generator } = await serving([[status, '']])
    const clock = manualClock()
    const context = { ...stageContext(), clock }
    const { operation } = await generator.start({ prompt: 'A cat' }, context)
    for (let poll = 0; poll < 6; poll += 1) {
      await clock.advance(100_000)
      expect(await rejection(generator.poll(operation, context))).toMatchObject({ status })
    }
  })

  test('does not hide the failure of its job', async () => {
    const { generator } = await serving([[200, { id: 'job_1', status: 'failed', error: 'out of memory' }]])
    const { operation } = await generator.start({ prompt: 'A cat' }, stageContext())
    expect(await generator.poll(operation, stageContext())).toMatchObject({ state: 'failed' })
  })

  test('is behind the key where it is that of the content of a job', async () => {
    const url = 'ORIGIN/v1/videos/job_1/content'
    const { server, generator } = await serving([[405, '']], { id: 'job_1', video_url: url })
    const { operation } = await generator.start({ prompt: 'A cat' }, stageContext())
    const ended = await generator.poll(operation, stageContext())
    expect(ended).toMatchObject({ video: { source: { isPublic: false, url: url.replace('ORIGIN', server.origin) } } })
    expect(ended).not.toHaveProperty('video.url')
  })

  test('is not kept with the key in it', async () => {
    const { generator } = await serving([[404, '']], { id: 'job_1', video_url: 'ORIGIN/a?key=canary-key-1' })
    const { operation } = await generator.start({ prompt: 'A cat' }, stageContext())
    expect(JSON.stringify(operation)).not.toContain('canary')
  })

  test.each(['', 'file:///etc/passwd', 'cdn.example/a.mp4', 7])(
    'is ignored if a handle has %j there',
    async (given) => {
      const { generator } = await serving([[405, '']])
      const videoUrl = given as string
      expect(await rejection(generator.poll({ id: 'job_1', videoUrl }, stageContext()))).toMatchObject({ status: 405 })
    },
  )

  test('ends a run whose server has no jobs', async () => {
    const { generator } = await serving([[404, { detail: 'Not Found' }]])
    const pipeline = new SoraPipeline({ generator, clock: fastClock(100) })
    expect((await pipeline.generate({ prompt: 'A cat' })).video).toMatchObject({ url: EARLY })
  })
})

describe('an API without polls', () => {
  const generate = async (body: unknown, read?: (about: { text: (path: string) => string | undefined }) => object) => {
    const server = await loopbackServer((_, response) => {
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    })
    const generator = taskApiGenerator({
      name: 'my-api',
      baseUrl: server.origin,
      create: ({ prompt }) => ({ path: '/videos', body: { prompt } }),
      ...(read && { read }),
    })
    return generator.start({ prompt: 'A cat' }, stageContext())
  }

  test.each([EARLY, 'https://cdn.example/early'])('gives its video in answer to the submission: %s', async (url) => {
    expect((await generate({ id: 'job_1', url })).status).toMatchObject({ state: 'completed', video: { url } })
  })

  test('whose read gives the video is not polled for it', async () => {
    const { status } = await generate({ id: 'job_1', polling_url: '/jobs/1', file: EARLY }, ({ text }) => ({
      urls: [text('file') ?? ''],
    }))
    expect(status).toMatchObject({ state: 'completed', video: { url: EARLY } })
  })
})
