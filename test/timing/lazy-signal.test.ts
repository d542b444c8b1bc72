import { afterEach, describe, expect, it, vi } from 'vitest'
import { manualClock } from '../../src/testing/index.js'
import { withDeadline } from '../../src/timing/deadline.js'
import { LazySignal, underSignal } from '../../src/timing/lazy-signal.js'

afterEach(() => {
  vi.unstubAllGlobals()
})

describe('a lazy signal', () => {
  it('is one signal, aborted with the first reason, whether it is read before or after', () => {
    const read = new LazySignal()
    const { signal } = read
    read.abort('first')
    read.abort('second')
    expect(read.signal).toBe(signal)
    expect(signal.reason).toBe('first')
    const unread = new LazySignal()
    unread.abort('first')
    unread.abort('second')
    expect(unread.signal.reason).toBe('first')
  })

  it('may be aborted without a reason', () => {
    const limit = new LazySignal()
    limit.abort(undefined)
    expect(limit.signal.aborted).toBe(true)
  })

  it('is the signal of a context, also after the context was taken apart or copied', () => {
    const limit = new LazySignal()
    const context = underSignal({ runId: 'run_1', signal: new AbortController().signal }, limit)
    const { signal, runId } = context
    const copy = { ...context }
    limit.abort('enough')
    expect([signal.reason, copy.signal.reason, context.signal.reason, runId]).toEqual([
      'enough',
      'enough',
      'enough',
      'run_1',
    ])
  })
})

it('a call that does not read its signal has none', async () => {
  let controllers = 0
  const Original = AbortController
  vi.stubGlobal(
    'AbortController',
    class extends Original {
      constructor() {
        super()
        controllers += 1
      }
    },
  )
  const limit = { clock: manualClock(), timeoutMs: Number.POSITIVE_INFINITY, error: () => new Error('late') }
  await withDeadline(limit, async () => undefined)
  expect(controllers).toBe(0)
  await withDeadline(limit, async ({ signal }) => signal)
  expect(controllers).toBe(1)
})
