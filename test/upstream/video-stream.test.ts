import { expect, test, vi } from 'vitest'
import { videoStream } from '../../src/upstream/video-stream.js'
import { readAll, rejection } from './stage-context.js'

function streamOf(body: ReadableStream<Uint8Array>, more: { stallMs?: number; skip?: number } = {}) {
  const release = vi.fn()
  const stream = videoStream({
    start: { kind: 'video', mediaType: undefined, head: [new Uint8Array([1, 2])], reader: body.getReader() },
    skip: 0,
    expected: undefined,
    transfer: new AbortController(),
    stallMs: 1_000,
    release,
    short: () => new Error('short'),
    silent: () => new Error('silent'),
    broken: (error) => error,
    ...more,
  })
  return { stream, release }
}

test('gives what was read before, then the rest, and drops what is to be skipped', async () => {
  const body = new Blob([new Uint8Array([3, 4, 5])]).stream()
  const { stream, release } = streamOf(body, { skip: 3 })
  expect([...(await readAll(stream))]).toEqual([4, 5])
  expect(release).toHaveBeenCalledTimes(1)
})

test('errors when nothing comes for too long', async () => {
  const { stream, release } = streamOf(new ReadableStream({ pull: () => new Promise(() => undefined) }), {
    stallMs: 20,
  })
  expect(await rejection(readAll(stream))).toMatchObject({ message: 'silent' })
  expect(release).toHaveBeenCalledTimes(1)
})
