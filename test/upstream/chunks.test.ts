import { expect, test, vi } from 'vitest'
import { type Chunks, chunksOf, streamOf } from '../../src/upstream/chunks.js'
import { readAll, rejection } from './stage-context.js'

/** Chunks of one byte each, which count how they are used. */
function counted(length: number, failure?: Error) {
  let given = 0
  const next = vi.fn<Chunks['next']>(async () => {
    given += 1
    if (given <= length) return new Uint8Array([given])
    if (failure !== undefined) throw failure
    return undefined
  })
  return { next, cancel: vi.fn<Chunks['cancel']>() }
}

const rest = async (chunks: Chunks) => {
  const bytes: number[] = []
  for (let chunk = await chunks.next(); chunk !== undefined; chunk = await chunks.next()) bytes.push(...chunk)
  return bytes
}

test('a stream gives its chunks, and reads none before it is read', async () => {
  const chunks = counted(3)
  const stream = streamOf(chunks)
  await new Promise((resolve) => setImmediate(resolve))
  expect(chunks.next).not.toHaveBeenCalled()
  expect([...(await readAll(stream))]).toEqual([1, 2, 3])
  expect(chunks.next).toHaveBeenCalledTimes(4)
})

test('a stream that is cancelled ends its chunks, with the reason', async () => {
  const chunks = counted(3)
  await streamOf(chunks).cancel('enough')
  expect(chunks.cancel).toHaveBeenCalledExactlyOnceWith('enough')
})

test('the chunks of a stream of our own are the ones below it, and no one else reads it', async () => {
  const chunks = counted(3)
  const stream = streamOf(chunks)
  expect(chunksOf(stream)).toBe(chunks)
  expect(stream.locked).toBe(true)
  expect(() => chunksOf(stream)).toThrow(TypeError)
})

test('a stream that was read before gives the rest, each byte once', async () => {
  const stream = streamOf(counted(4))
  const reader = stream.getReader()
  expect((await reader.read()).value).toEqual(new Uint8Array([1]))
  const lost = reader.read()
  await lost
  reader.releaseLock()
  expect(await rest(chunksOf(stream))).toEqual([3, 4])
})

test('a foreign stream is read, cancelled, and fails as it does', async () => {
  const cancel = vi.fn()
  const foreign = chunksOf(new ReadableStream({ cancel }))
  foreign.cancel()
  expect(cancel).toHaveBeenCalledTimes(1)
  const failure = new Error('broken')
  const failing = chunksOf(new ReadableStream({ pull: () => Promise.reject(failure) }))
  expect(await rejection(failing.next())).toBe(failure)
  expect(await rejection(rest(chunksOf(streamOf(counted(2, failure)))))).toBe(failure)
})

test('a foreign source may fill the same memory again', async () => {
  const memory = new Uint8Array(1)
  const stream = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        memory[0] = (memory[0] ?? 0) + 1
        if (memory[0] > 3) controller.close()
        else controller.enqueue(memory)
      },
    },
    { highWaterMark: 0 },
  )
  const chunks = chunksOf(stream)
  const kept = [await chunks.next(), await chunks.next(), await chunks.next(), await chunks.next()]
  expect(kept).toEqual([new Uint8Array([1]), new Uint8Array([2]), new Uint8Array([3]), undefined])
})
