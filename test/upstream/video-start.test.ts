import { describe, expect, test, vi } from 'vitest'
import { checkVideoStart } from '../../src/upstream/video-start.js'
import { videoBytes } from './loopback-server.js'
import { rejection } from './stage-context.js'

const { signal } = new AbortController()
const POINTER = '{"url":"https://cdn.example/a"}'

function answer(type: string | undefined, chunks: readonly (string | Uint8Array)[] | null) {
  const headers = new Headers(type === undefined ? {} : { 'content-type': type })
  if (chunks === null) return { headers, body: null, cancel: vi.fn() }
  const cancel = vi.fn()
  const left = chunks.map((chunk) => new Uint8Array(Buffer.from(chunk)))
  const body = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        const chunk = left.shift()
        if (chunk === undefined) controller.close()
        else controller.enqueue(chunk)
      },
      cancel,
    },
    { highWaterMark: 0 },
  )
  return { headers, body, cancel }
}

describe('checkVideoStart', () => {
  test.each([
    ['video/mp4', videoBytes(100), 'video/mp4'],
    ['video/x-odd', videoBytes(100), 'video/x-odd'],
    ['video/webm', 'no signature of any kind', 'video/webm'],
    ['application/octet-stream', videoBytes(100), 'video/mp4'],
    ['text/plain', videoBytes(100), 'video/mp4'],
    [undefined, videoBytes(100), 'video/mp4'],
  ])('a body of type %s is a video where its first bytes allow it', async (type, bytes, mediaType) => {
    const start = await checkVideoStart(answer(type, [bytes]), 0, signal)
    expect(start).toMatchObject({ kind: 'video', mediaType })
  })

  test('the bytes that were checked are kept, and the rest is left to be read', async () => {
    const bytes = videoBytes(100)
    const pieces = [
      bytes.subarray(0, 5),
      new Uint8Array(),
      bytes.subarray(5, 31),
      bytes.subarray(31, 40),
      bytes.subarray(40),
    ]
    const start = await checkVideoStart(answer('video/mp4', pieces), 0, signal)
    if (start.kind !== 'video') throw new Error(start.kind)
    expect(start.head.map(({ length }) => length)).toEqual([5, 26, 9])
    expect((await start.rest.next())?.length).toBe(60)
  })

  test.each([
    ['video/webm', 'video/webm'],
    ['application/octet-stream', undefined],
    ['text/plain', undefined],
  ])('past the first byte only the type %s can be checked', async (type, mediaType) => {
    const start = await checkVideoStart(answer(type, ['{"url":"https://cdn.example/a"}']), 7, signal)
    expect(start).toMatchObject({ kind: 'video', mediaType, head: [] })
  })

  test.each(['text/html', 'text/html; charset=utf-8', 'application/xml', 'text/xml', 'application/xhtml+xml'])(
    'a body of type %s is a page, and closed',
    async (type) => {
      const page = answer(type, [videoBytes(100)])
      expect(await checkVideoStart(page, 0, signal)).toEqual({ kind: 'page' })
      expect(page.cancel).toHaveBeenCalledTimes(1)
    },
  )

  test('a page that calls itself a video is one, and closed', async () => {
    const page = answer('video/mp4', ['<html>', 'x'.repeat(100), 'y'])
    expect(await checkVideoStart(page, 0, signal)).toEqual({ kind: 'page' })
    expect(page.cancel).toHaveBeenCalledTimes(1)
  })

  test.each([
    ['application/json', POINTER],
    ['application/problem+json', POINTER],
    ['video/mp4', POINTER],
    [undefined, ` ${POINTER}`],
    ['text/plain', 'https://cdn.example/a'],
    ['text/plain', '\n HTTPS://cdn.example/a \n'],
    ['application/json', 'https://cdn.example/a'],
  ])('a body of type %s that holds %j leads elsewhere', async (type, text) => {
    const start = await checkVideoStart(answer(type, [text]), 0, signal)
    expect(start.kind === 'pointer' && start.url.toLowerCase()).toBe('https://cdn.example/a')
  })

  test('an address is read over as many pieces as it comes in', async () => {
    const far = `https://cdn.example/${'a'.repeat(100)}`
    const pieces = [far.slice(0, 10), far.slice(10, 50), far.slice(50, 90), far.slice(90)]
    expect(await checkVideoStart(answer('text/plain', pieces), 0, signal)).toEqual({ kind: 'pointer', url: far })
    const json = JSON.stringify({ video_url: far })
    const cut = [json.slice(0, 40), json.slice(40, 80), json.slice(80)]
    expect(await checkVideoStart(answer('video/mp4', cut), 0, signal)).toEqual({ kind: 'pointer', url: far })
  })

  test.each([
    ['application/json', '{"detail":"no"}'],
    ['application/json', '{"b64_json":"AAAA"}'],
    ['application/json', '{"url":"/relative"}'],
    ['text/plain', 'see https://cdn.example/a'],
    ['text/plain', 'https://cdn.example/a and more'],
    ['text/plain', 'https://'],
    ['text/plain', 'a word'],
    ['image/png', '\x89PNG'],
    ['video/mp4', ''],
    [undefined, ''],
  ])('a body of type %s that holds %j is something else', async (type, text) => {
    expect(await checkVideoStart(answer(type, text === '' ? [] : [text]), 0, signal)).toEqual({ kind: 'other' })
  })

  test('an answer without a body is something else', async () => {
    expect(await checkVideoStart(answer('video/mp4', null), 0, signal)).toEqual({ kind: 'other' })
  })

  test('a type that merely ends like JSON is not JSON', async () => {
    const start = await checkVideoStart(answer('video/notjson', [videoBytes(100)]), 0, signal)
    expect(start).toMatchObject({ kind: 'video', mediaType: 'video/notjson' })
  })

  test('an abort rejects with its reason while the first bytes are awaited', async () => {
    const controller = new AbortController()
    const body = new ReadableStream<Uint8Array>()
    const waiting = rejection(checkVideoStart({ headers: new Headers(), body }, 0, controller.signal))
    controller.abort('enough')
    expect(await waiting).toBe('enough')
  })
})
