import { expect, test } from 'vitest'
import { ConfigurationError } from '../../src/contracts/input-errors.js'
import { memoryVideo } from '../../src/upstream/memory-video.js'
import { videoBytes } from './loopback-server.js'
import { readAll, rejection } from './stage-context.js'

test('gives the bytes from any offset, again and again', async () => {
  const bytes = videoBytes(200_000)
  const source = memoryVideo(bytes)
  expect(source).toMatchObject({ isPublic: false, mediaType: 'video/mp4', byteLength: 200_000 })
  for (const offset of [0, 1, 65_536, 199_999, 200_000]) {
    expect((await readAll(await source.open({ offset }))).equals(bytes.subarray(offset))).toBe(true)
  }
  expect((await readAll(await source.open())).length).toBe(200_000)
  expect(memoryVideo(new Uint8Array([1]), { mediaType: 'video/webm' }).mediaType).toBe('video/webm')
  expect(memoryVideo(new Uint8Array([1])).mediaType).toBe('video/mp4')
})

test('takes the type from the bytes, and gives copies no larger than 64 KB', async () => {
  expect(memoryVideo(Buffer.from('\x1aE\xdf\xa3', 'latin1')).mediaType).toBe('video/webm')
  const bytes = videoBytes(65_537)
  const sizes: number[] = []
  for await (const chunk of await memoryVideo(bytes).open()) {
    sizes.push(chunk.byteLength)
    chunk.fill(0)
  }
  expect(sizes).toEqual([65_536, 1])
  expect(bytes.equals(videoBytes(65_537))).toBe(true)
})

test.each(['AAAAGGZ0eXA=', null, undefined, [1, 2]])('refuses %j, and names what to give', (bytes) => {
  expect(() => memoryVideo(bytes as never)).toThrow(ConfigurationError)
  expect(() => memoryVideo(bytes as never)).toThrow(/memoryVideo.*bytes.*Uint8Array, such as Buffer\.from/s)
})

test('an abort ends the stream with its reason', async () => {
  const controller = new AbortController()
  const source = memoryVideo(videoBytes(200_000))
  const reader = (await source.open({ signal: controller.signal })).getReader()
  await reader.read()
  controller.abort('enough')
  expect(await rejection(reader.read())).toBe('enough')
  expect(await rejection(source.open({ signal: controller.signal }))).toBe('enough')
})
