import { expect, test } from 'vitest'
import { toSse } from '../../src/openai/to-sse.js'
import { manualClock } from '../../src/testing/manual-clock.js'
import { chunk, data, pushable, readAll } from './sse-streams.js'

const emptyDelta = { ...chunk(''), choices: [{ index: 0, delta: {}, finish_reason: null }] }

test('a comment keeps a silent stream alive before the first chunk, and a chunk does each minute after it', async () => {
  const clock = manualClock()
  const source = pushable()
  const { frames, finished } = readAll(toSse(source.chunks, { clock }))
  await clock.advance(14_999)
  expect(frames).toEqual([])
  await clock.advance(1)
  expect(frames).toEqual([': keep-alive\n\n'])
  await clock.advance(60_000)
  expect(frames.splice(0)).toEqual(Array(5).fill(': keep-alive\n\n'))

  source.push(chunk('a'))
  await clock.advance(44_999)
  expect(frames.splice(0)).toEqual([data(chunk('a')), ': keep-alive\n\n', ': keep-alive\n\n'])
  await clock.advance(15_001)
  expect(frames.splice(0)).toEqual([': keep-alive\n\n', data(emptyDelta)])
  await clock.advance(60_000)
  expect(frames.splice(0)).toEqual([...Array(3).fill(': keep-alive\n\n'), data(emptyDelta)])

  source.push(chunk('b', 'stop'))
  await clock.advance(90_000)
  expect(frames.splice(0)).toEqual([data(chunk('b', 'stop')), ...Array(6).fill(': keep-alive\n\n')])
  source.end()
  await finished
  expect(frames).toEqual(['data: [DONE]\n\n'])
  expect(clock.pending).toBe(0)
})

test('something that was sent puts the next comment off', async () => {
  const clock = manualClock()
  const source = pushable()
  const { frames } = readAll(toSse(source.chunks, { clock }))
  await clock.advance(10_000)
  source.push(chunk('a'))
  await clock.advance(14_999)
  expect(frames.splice(0)).toEqual([data(chunk('a'))])
  await clock.advance(1)
  expect(frames).toEqual([': keep-alive\n\n'])
})

test('a usage of null stays in heartbeat chunks', async () => {
  const clock = manualClock()
  const source = pushable()
  const { frames } = readAll(toSse(source.chunks, { clock, heartbeatMs: 0 }))
  await clock.advance(0)
  source.push({ ...chunk('a'), usage: null })
  await clock.advance(60_000)
  expect(frames).toEqual([data({ ...chunk('a'), usage: null }), data({ ...emptyDelta, usage: null })])
})

test('heartbeat chunks more frequent than comments keep their own time', async () => {
  const clock = manualClock()
  const source = pushable()
  const { frames } = readAll(toSse(source.chunks, { clock, heartbeatChunkMs: 5_000 }))
  await clock.advance(1_000)
  source.push(chunk('a'))
  await clock.advance(5_000)
  expect(frames).toEqual([data(chunk('a')), data(emptyDelta)])
})

test.each([0, Number.POSITIVE_INFINITY])('%s turns heartbeats off, and no timer runs', async (off) => {
  const clock = manualClock()
  const source = pushable()
  const { frames } = readAll(toSse(source.chunks, { clock, heartbeatMs: off, heartbeatChunkMs: off }))
  source.push(chunk('a'))
  await clock.advance(3_600_000)
  expect(frames).toEqual([data(chunk('a'))])
  expect(clock.pending).toBe(0)
})

test('a stalled reader makes nothing be read ahead and stops the heartbeats', async () => {
  const clock = manualClock()
  let made = 0
  async function* endless() {
    for (;;) {
      made += 1
      yield chunk('x'.repeat(16_384))
    }
  }
  const stream = toSse(endless(), { clock })
  await clock.advance(60_000)
  expect(made).toBe(0)
  const reader = stream.getReader()
  await reader.read()
  await clock.advance(600_000)
  expect(made).toBe(1)
  expect(clock.pending).toBe(0)
  await reader.cancel()
})

test('a reader that comes back after a stall has its heartbeats again', async () => {
  const clock = manualClock()
  const source = pushable()
  const reader = toSse(source.chunks, { clock }).getReader()
  const first = reader.read()
  await clock.advance(15_000)
  expect((await first).done).toBe(false)
  await clock.advance(600_000)
  expect(clock.pending).toBe(0)
  const second = reader.read()
  await clock.advance(0)
  expect(new TextDecoder().decode((await second).value)).toBe(': keep-alive\n\n')
  await reader.cancel()
})
