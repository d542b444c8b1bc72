import { describe, expect, it } from 'vitest'
import { SaveQueue } from '../../../src/pipeline/journal/save-queue.js'

describe('the saves of a run', () => {
  it('are made one after the other, and a save that fails does not stop the next', async () => {
    const queue = new SaveQueue()
    const order: string[] = []
    const releases: (() => void)[] = []
    const save = (name: string) => async () => {
      order.push(`${name} begins`)
      await new Promise<void>((resolve) => void releases.push(resolve))
      order.push(`${name} ends`)
      if (name === 'first') throw new Error('connect ECONNREFUSED')
      return name
    }
    expect(queue.isBusy).toBe(false)
    const first = expect(queue.run(save('first'))).rejects.toThrow('connect ECONNREFUSED')
    const second = queue.run(save('second'))
    expect(queue.isBusy).toBe(true)
    await Promise.resolve()
    expect(order).toEqual(['first begins'])
    releases[0]?.()
    await first
    expect(queue.isBusy).toBe(true)
    releases[1]?.()
    expect(await second).toBe('second')
    expect(order).toEqual(['first begins', 'first ends', 'second begins', 'second ends'])
    expect(queue.isBusy).toBe(false)
  })
})
