import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { memoryStore, RateLimitError, RunStateError, type RunStore } from '../../src/index.js'
import { fileStore } from '../../src/stores/index.js'
import { fakeTaskGenerator, manualClock } from '../../src/testing/index.js'
import { chatBody, handlerOf } from './handler-call.js'

const CHAT = '/v1/chat/completions'
const VIDEOS = '/v1/videos'
const body = { prompt: 'A cat' }
const RETRY = { 'x-stainless-retry-count': '1' }

/** A store whose named operations are replaced. */
function storeWith(replaced: Partial<RunStore>): RunStore {
  return { ...memoryStore(), ...replaced }
}

const never = () => new Promise<never>(() => undefined)

describe('a store that hangs', () => {
  it.each([
    ['a video', VIDEOS, body],
    ['a chat', CHAT, chatBody('A cat')],
    ['a streamed chat', CHAT, chatBody('A cat', { stream: true })],
    ['a video with a key', VIDEOS, body],
  ])('answers %s with 503 once its time is over', async (name, path, sent) => {
    const clock = manualClock()
    const generator = fakeTaskGenerator()
    const { call, errors } = handlerOf({ clock }, { clock, generator, store: storeWith({ create: never }) })
    const headers = name.endsWith('key') ? { 'idempotency-key': 'order 7' } : {}
    const response = await clock.runUntil(call('POST', path, { headers, body: sent }))
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, '5'])
    expect(response.headers.has('x-should-retry')).toBe(false)
    expect(await response.json()).toMatchObject({ error: { type: 'server_error', code: 'store_unavailable' } })
    expect(errors).toEqual([expect.objectContaining({ message: expect.stringMatching(/^Could not save the run/) })])
    expect(generator.startCount).toBe(0)
  })

  it('answers a lookup with 503', async () => {
    const clock = manualClock()
    const { call, errors } = handlerOf({ clock }, { clock, store: storeWith({ load: never }) })
    const response = await clock.runUntil(call('GET', `${VIDEOS}/video_1`))
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, '5'])
    expect(errors).toHaveLength(1)
  })

  it('lets a client leave while it waits', async () => {
    const clock = manualClock()
    const { call } = handlerOf({ clock }, { clock, store: storeWith({ create: never }) })
    const client = new AbortController()
    const answer = call('POST', VIDEOS, { body, signal: client.signal })
    await clock.advance(1000)
    client.abort()
    expect((await answer).status).toBe(499)
  })
})

describe('a store that fails', () => {
  const failing = () => Promise.reject(Object.assign(new Error('no access to /data/a-file'), { code: 'EACCES' }))
  const reported = () =>
    Promise.reject(
      new RunStateError('Could not do it, EACCES at /data/a-file: run_1', {
        isRetryable: true,
        reason: 'EACCES at /data/a-file',
      }),
    )

  it.each([
    ['without a reason', failing],
    ['with a reason', reported],
  ])('%s is the trouble of the server on each route', async (_, operation) => {
    const names = Object.keys(memoryStore()) as (keyof RunStore)[]
    const store = Object.fromEntries(names.map((name) => [name, operation])) as unknown as RunStore
    const { call, errors } = handlerOf({}, { store })
    const requests: [string, string, unknown][] = [
      ['POST', VIDEOS, body],
      ['POST', CHAT, chatBody('A cat')],
      ['POST', CHAT, chatBody('A cat', { stream: true })],
      ['GET', VIDEOS, undefined],
      ['GET', `${VIDEOS}/video_1`, undefined],
      ['GET', `${VIDEOS}/video_1/content`, undefined],
      ['GET', `${VIDEOS}/video_1/events`, undefined],
      ['DELETE', `${VIDEOS}/video_1`, undefined],
    ]
    for (const [method, path, sent] of requests) {
      errors.length = 0
      const response = await call(method, path, sent === undefined ? {} : { body: sent })
      const text = await response.text()
      expect([response.status, response.headers.get('retry-after')], `${method} ${path}`).toEqual([503, '5'])
      expect(text).not.toMatch(/EACCES|a-file/)
      expect(errors, `${method} ${path}`).toEqual([expect.objectContaining({ code: 'run-state' })])
    }
  })

  it('keeps the directories of the server from its clients', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'store-failures-'))
    onTestFinished(() => rm(directory, { recursive: true }))
    const file = join(directory, 'a-file')
    await writeFile(file, '')
    const { call, errors } = handlerOf({}, { store: fileStore({ directory: join(file, 'runs') }) })
    const requests: [string, string, unknown][] = [
      ['POST', VIDEOS, body],
      ['POST', CHAT, chatBody('A cat')],
      ['POST', CHAT, chatBody('A cat', { stream: true })],
    ]
    for (const [method, path, sent] of requests) {
      errors.length = 0
      const response = await call(method, path, { body: sent })
      const text = await response.text()
      expect([response.status, response.headers.get('retry-after')], `${method} ${path}`).toEqual([503, '5'])
      expect(text).not.toMatch(/ENOTDIR|a-file/)
      expect(errors, `${method} ${path}`).toEqual([
        expect.objectContaining({ message: expect.stringMatching(/ENOTDIR.*a-file/) }),
      ])
    }
  })

  it('keeps its reason out of a video that it recorded as failed', async () => {
    const inner = memoryStore()
    let isDown = true
    const create: RunStore['create'] = async (id, state) => {
      const isCreated = await inner.create(id, state)
      if (!isDown) return isCreated
      isDown = false
      throw Object.assign(new Error('ENOSPC: no space left, /data/runs'), { code: 'ENOSPC' })
    }
    const { call, json } = handlerOf({}, { store: { ...inner, create } })
    const refused = await call('POST', VIDEOS, { body })
    expect(refused.status).toBe(503)
    const id = refused.headers.get('x-run-id')
    await expect.poll(async () => (await json('GET', `${VIDEOS}/${id}`)).body.status).toBe('failed')
    const { body: video } = await json('GET', `${VIDEOS}/${id}`)
    expect(video.error.code).toBe('store_unavailable')
  })

  it('leaves a run that it has saved to the retry of its client, which pays once', async () => {
    const generator = fakeTaskGenerator({ polls: 1 })
    const inner = memoryStore()
    let failures = 0
    const save: RunStore['save'] = (id, version, state) => {
      const isFirst = failures === 0
      failures += 1
      return isFirst ? Promise.reject(new Error('disk gone')) : inner.save(id, version, state)
    }
    const { json, ended } = handlerOf({}, { generator, store: { ...inner, save } })
    const first = await json('POST', VIDEOS, { body })
    expect([first.status, first.body.error.code]).toEqual([503, 'store_unavailable'])
    const again = await json('POST', VIDEOS, { headers: RETRY, body })
    expect([again.status, again.body.id]).toEqual([200, first.headers.get('x-run-id')])
    await ended(again.body.id)
    expect(generator.startCount).toBe(1)
  })
})

it('a failed store is not named in /events', async () => {
  const inner = memoryStore()
  let isDown = false
  const save: RunStore['save'] = (...given) =>
    isDown
      ? Promise.reject(
          new RunStateError('Could not save, ENOSPC at /data', { isRetryable: true, reason: 'ENOSPC at /data' }),
        )
      : inner.save(...given)
  const submitted = Promise.withResolvers<void>()
  const generator = {
    ...fakeTaskGenerator(),
    start: async () => {
      await submitted.promise
      throw new RateLimitError('Too many requests')
    },
  }
  const { json, call } = handlerOf({ acceptTimeoutMs: 50 }, { generator, store: { ...inner, save } })
  const { body: video } = await json('POST', VIDEOS, { body })
  const events = await call('GET', `${VIDEOS}/${video.id}/events`)
  isDown = true
  submitted.resolve()
  const text = await events.text()
  expect(text).toContain('event: run-failed')
  expect(text).not.toMatch(/ENOSPC/)
})

it('a pipeline that is closed is the trouble of the server', async () => {
  const { pipeline, call } = handlerOf()
  await pipeline.close()
  const response = await call('POST', VIDEOS, { body })
  expect([response.status, response.headers.get('retry-after')]).toEqual([503, '5'])
})
