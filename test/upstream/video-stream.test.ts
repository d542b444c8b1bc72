import { expect, test, vi } from 'vitest'
import { chunksOf } from '../../src/upstream/chunks.js'
import { videoStream } from '../../src/upstream/video-stream.js'
import { readAll, rejection } from './stage-context.js'

function streamOf(body: ReadableStream<Uint8Array>, skip = 0) {
  const release = vi.fn()
  const transfer = new AbortController()
  const head = [new Uint8Array([1, 2])]
  const start = { kind: 'video', mediaType: undefined, head, rest: chunksOf(body) } as const
  return { stream: videoStream({ start, skip, transfer, release }), release, transfer }
}

test('gives what was read before, then the rest, and drops what is to be skipped', async () => {
  const { stream, release } = streamOf(new Blob([new Uint8Array([3, 4, 5])]).stream(), 3)
  expect([...(await readAll(stream))]).toEqual([4, 5])
  expect(release).toHaveBeenCalledTimes(1)
})

test('errors as its body does, and ends the connection', async () => {
  const body = new ReadableStream({ pull: () => Promise.reject(new Error('silent')) })
  const { stream, release, transfer } = streamOf(body)
  expect(await rejection(readAll(stream))).toMatchObject({ message: 'silent' })
  expect(transfer.signal.aborted).toBe(true)
  expect(release).toHaveBeenCalledTimes(1)
})
