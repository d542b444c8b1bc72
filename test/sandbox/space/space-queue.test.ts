import { expect, it } from 'vitest'
import { spaceQueue } from '../../../src/sandbox/space/space-queue.js'

const signal = new AbortController().signal

it('runs one call at a time, in order, and refuses what does not fit in the line', async () => {
  const queue = spaceQueue(1)
  const gate = Promise.withResolvers<void>()
  const ran: string[] = []
  const first = queue.submit(async () => {
    ran.push('first')
    await gate.promise
    return { value: 1 }
  })
  const second = queue.submit(async () => {
    ran.push('second')
    return { value: 2 }
  })
  expect(queue.submit(async () => 'failed')).toBeUndefined()
  expect([first?.isQueued(), second?.isQueued(), ran]).toEqual([false, true, ['first']])
  expect(await first?.endsWithin(1, signal)).toBe(false)
  gate.resolve()
  expect(await second?.endsWithin(10_000, signal)).toBe(true)
  expect([await first?.outcome, await second?.outcome, ran]).toEqual([{ value: 1 }, { value: 2 }, ['first', 'second']])
  expect(queue.submit(async () => 'failed')).toBeDefined()
})

it('passes a call on once, and takes it out of the line', async () => {
  const queue = spaceQueue(2)
  const gate = Promise.withResolvers<void>()
  const ran: string[] = []
  const running = queue.submit(() => gate.promise.then(() => 'failed' as const))
  const left = queue.submit(async () => {
    ran.push('left')
    return 'failed'
  })
  const last = queue.submit(async () => {
    ran.push('last')
    throw new Error('a bug')
  })
  if (running === undefined || left === undefined || last === undefined) throw new Error('Could not submit')
  expect([queue.take(left.id), queue.take(left.id), queue.take('x')]).toEqual([left, undefined, undefined])
  queue.leave(left)
  queue.leave(running)
  gate.resolve()
  expect([await running.outcome, await last.outcome, ran]).toEqual(['failed', 'failed', ['last']])
})

it('stops waiting at an abort', async () => {
  const queue = spaceQueue(0)
  const call = queue.submit(() => new Promise(() => {}))
  const controller = new AbortController()
  const waiting = call?.endsWithin(60_000, controller.signal)
  controller.abort()
  await expect(waiting).rejects.toThrow('aborted')
})
