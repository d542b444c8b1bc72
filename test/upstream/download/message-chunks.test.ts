import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import { expect, test } from 'vitest'
import { messageChunks } from '../../../src/upstream/download/message-chunks.js'
import { eventually } from '../../support/eventually.js'
import { rejection } from '../stage-context.js'

/** A message whose bytes a test gives. */
function message() {
  const readable = new Readable({ read: () => undefined })
  return { readable, chunks: messageChunks(readable as IncomingMessage) }
}
const filled = (byteLength: number, value = 0) => Buffer.alloc(byteLength, value)

test('nothing is read before the first call', async () => {
  const { readable, chunks } = message()
  readable.push(filled(10))
  await new Promise((resolve) => setImmediate(resolve))
  expect(readable.readableLength).toBe(10)
  expect((await chunks.next())?.byteLength).toBe(10)
})

test.each([
  ['large', 65_536, 262_144],
  ['tiny', 1, 64],
])('%s chunks are read ahead up to a limit, and further when they are taken', async (_, size, mostBytes) => {
  const { readable, chunks } = message()
  const first = chunks.next()
  let pushed = 0
  // One at a time, as a socket gives them.
  for (; !readable.isPaused() && pushed < 1_000; pushed += 1) {
    readable.push(filled(size))
    await new Promise((resolve) => setImmediate(resolve))
  }
  await first
  expect((pushed - 1) * size).toBe(mostBytes)
  for (let taken = 1; taken < pushed; taken += 1) await chunks.next()
  const last = chunks.next()
  expect(readable.isPaused()).toBe(false)
  readable.push(filled(3))
  expect((await last)?.byteLength).toBe(3)
})

test('the end comes after all bytes, and stays', async () => {
  const { readable, chunks } = message()
  const first = chunks.next()
  for (const value of [1, 2, 3]) readable.push(filled(1, value))
  readable.push(null)
  await first
  expect([await chunks.next(), await chunks.next()]).toEqual([filled(1, 2), filled(1, 3)])
  expect([await chunks.next(), await chunks.next()]).toEqual([undefined, undefined])
})

test('a message that breaks off gives the bytes that came before its error', async () => {
  const { readable, chunks } = message()
  const first = chunks.next()
  readable.push(filled(1))
  readable.push(filled(2))
  await first
  await eventually(() => expect(readable.readableLength).toBe(0))
  const reset = new Error('reset')
  readable.destroy(reset)
  expect((await chunks.next())?.byteLength).toBe(2)
  expect(await rejection(chunks.next())).toBe(reset)
  expect(await rejection(chunks.next())).toBe(reset)
})

test('a message that is closed without a word has broken off', async () => {
  const { readable, chunks } = message()
  const waiting = rejection(chunks.next())
  readable.destroy()
  expect(await waiting).toMatchObject({ message: 'The connection was closed' })
})

test('a cancel ends the read under way, drops what is ahead and closes the message', async () => {
  const { readable, chunks } = message()
  const first = chunks.next()
  readable.push(filled(1))
  readable.push(filled(2))
  await first
  const reason = new Error('enough')
  chunks.cancel(reason)
  chunks.cancel()
  expect(await rejection(chunks.next())).toBe(reason)
  expect(readable.destroyed).toBe(true)
  const waiting = message()
  const read = rejection(waiting.chunks.next())
  waiting.chunks.cancel(reason)
  expect(await read).toBe(reason)
})
