import { getEventListeners } from 'node:events'
import { expect, test, vi } from 'vitest'
import { abortable } from '../../src/upstream/abortable.js'
import { withTimeLimit } from '../../src/upstream/time-limit.js'
import { eventually } from '../support/eventually.js'
import { rejection } from './stage-context.js'

const error = () => new Error('too late')
const never = () => new Promise<never>(() => undefined)

test('a call settles as it does, and its signal stays silent afterwards', async () => {
  const controller = new AbortController()
  const { signal } = controller
  let seen: AbortSignal | undefined
  const call = async (limited: AbortSignal) => {
    seen = limited
    return 'done'
  }
  expect(await withTimeLimit({ timeoutMs: 5, signal, error }, call)).toBe('done')
  const failing = withTimeLimit({ timeoutMs: 5, signal, error }, () => Promise.reject(new Error('its own')))
  expect(await rejection(failing)).toMatchObject({ message: 'its own' })
  expect(getEventListeners(signal, 'abort')).toEqual([])
  controller.abort('enough')
  expect(seen?.aborted).toBe(false)
})

test('the limit ends a call that does not listen, and aborts its signal', async () => {
  const call = vi.fn((_limited: AbortSignal) => never())
  const { signal } = new AbortController()
  expect(await rejection(withTimeLimit({ timeoutMs: 1, signal, error }, call))).toMatchObject({ message: 'too late' })
  expect(call.mock.lastCall?.[0].reason).toMatchObject({ message: 'too late' })
})

test('the caller ends it with its reason, and before it nothing is called', async () => {
  const controller = new AbortController()
  const call = vi.fn(never)
  const options = { timeoutMs: Number.POSITIVE_INFINITY, signal: controller.signal, error }
  const waiting = rejection(withTimeLimit(options, call))
  controller.abort('enough')
  expect(await waiting).toBe('enough')
  expect(await rejection(withTimeLimit(options, call))).toBe('enough')
  expect(call).toHaveBeenCalledTimes(1)
})

test('abortable lets go of the signal once the promise has settled, and prefers an abort that was there before', async () => {
  const controller = new AbortController()
  expect(await abortable(controller.signal, Promise.resolve('done'))).toBe('done')
  expect(await rejection(abortable(controller.signal, Promise.reject('failed')))).toBe('failed')
  await eventually(() => expect(getEventListeners(controller.signal, 'abort')).toEqual([]))
  controller.abort('enough')
  expect(await rejection(abortable(controller.signal, Promise.resolve('done')))).toBe('enough')
})
