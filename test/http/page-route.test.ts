import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { fakeSource, fakeTaskGenerator } from '../../src/testing/index.js'
import { handlerOf } from './handler-call.js'

const KEYS = ['the-key-of-one', 'the-key-of-two']

function keyedVideos(polls = 0) {
  const source = fakeSource({ byteLength: 5000 })
  const generator = fakeTaskGenerator({ polls, video: { id: 'gen_1', source } })
  return { ...handlerOf({ page: true, apiKeys: KEYS }, { generator }), bytes: source.slice() }
}

test('without the option the page does not exist, and no message names it', async () => {
  const { json } = handlerOf()
  const { status, body } = await json('GET', '/v1/page')
  expect({ status, code: body.error.code }).toEqual({ status: 404, code: 'unknown_url' })
  expect(body.error.message.split(' is not one of ')[1]).not.toContain('page')
})

test('the page loads without a key, marked as one that needs a key, and its policy names its own script and style', async () => {
  const { call, errors } = keyedVideos()
  const answer = await call('GET', '/v1/page')
  expect(answer.status).toBe(200)
  expect(answer.headers.get('content-type')).toBe('text/html; charset=utf-8')
  const page = await answer.text()
  expect(page).toMatch(/^<!doctype html>\n<html data-key /)
  const policy = answer.headers.get('content-security-policy') ?? ''
  for (const [element, directive] of [
    ['script', 'script-src'],
    ['style', 'style-src'],
  ]) {
    const text = new RegExp(`<${element}(?: type="module")?>(.*?)</${element}>`, 's').exec(page)?.[1] ?? ''
    const digest = createHash('sha256').update(text).digest('base64')
    expect(policy.split('; ')).toContain(`${directive} 'sha256-${digest}'`)
  }
  expect(policy).toMatch(/^default-src 'none';/)
  expect(policy).not.toMatch(/unsafe|https?:|\*/)
  expect(errors).toEqual([])
})

test('the page names no other server, and sets no text as HTML', async () => {
  const page = await (await keyedVideos().call('GET', '/v1/page')).text()
  expect(page.match(/https?:\/\/[\w.]+/g)).toBeNull()
  expect(page).not.toMatch(/innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|srcdoc/)
})

test('an open server does not make the page request a key', async () => {
  const page = await (await handlerOf({ page: true }).call('GET', '/v1/page')).text()
  expect(page).toMatch(/^<!doctype html>\n<html lang/)
})

test('HEAD has the headers of the page and no body', async () => {
  const { call } = handlerOf({ page: true })
  const [head, page] = [await call('HEAD', '/v1/page'), await call('GET', '/v1/page')]
  expect([head.status, await head.text()]).toEqual([200, ''])
  for (const name of ['content-type', 'content-security-policy', 'cache-control'])
    expect(head.headers.get(name)).toBe(page.headers.get(name))
})

test('a method other than GET and HEAD is refused', async () => {
  const { status, headers } = await keyedVideos().json('POST', '/v1/page')
  expect({ status, allow: headers.get('allow') }).toEqual({ status: 405, allow: 'GET, HEAD' })
})

test('the address of a player needs the key of the owner, and then plays without one, in ranges', async () => {
  const { call, json, ended, bytes } = keyedVideos()
  const { body: video } = await json('POST', '/v1/videos', { key: KEYS[0] ?? '', body: { prompt: 'A cat' } })
  await ended(video.id)
  const path = `/v1/page/${video.id}`
  expect((await call('GET', path)).status).toBe(401)
  expect((await call('GET', path, { key: KEYS[1] ?? '' })).status).toBe(404)
  const { body } = await json('GET', path, { key: KEYS[0] ?? '' })
  expect(Object.keys(body)).toEqual(['play'])
  const part = await call('GET', `/v1/${body.play}`, { headers: { range: 'bytes=10-19' } })
  expect({ status: part.status, range: part.headers.get('content-range') }).toEqual({
    status: 206,
    range: 'bytes 10-19/5000',
  })
  expect(Buffer.from(await part.arrayBuffer()).equals(bytes.slice(10, 20))).toBe(true)
})

test('a video that is not ready has no address', async () => {
  const { json, pipeline } = keyedVideos(1_000_000)
  const { body: video } = await json('POST', '/v1/videos', { key: KEYS[0] ?? '', body: { prompt: 'A cat' } })
  const { status, body } = await json('GET', `/v1/page/${video.id}`, { key: KEYS[0] ?? '' })
  expect({ status, code: body.error.code }).toEqual({ status: 404, code: 'video_not_ready' })
  await pipeline.close()
})

test('a prefix of the paths moves the page and its addresses', async () => {
  const { call, json, ended } = handlerOf({ page: true, basePath: '/api/video/' })
  expect((await call('GET', '/api/video/page')).status).toBe(200)
  const { body: video } = await json('POST', '/api/video/videos', { body: { prompt: 'A cat' } })
  await ended(video.id)
  const { body } = await json('GET', `/api/video/page/${video.id}`)
  expect(body.play).toMatch(new RegExp(`^videos/${video.id}/content/\\d+-[\\w-]+\\.mp4$`))
})
