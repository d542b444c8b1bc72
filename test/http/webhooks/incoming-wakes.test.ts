import { describe, expect, it } from 'vitest'
import { incomingWakes } from '../../../src/http/webhooks/incoming-wakes.js'
import { manualClock } from '../../../src/testing/index.js'

function wakesOf(wake: (id: string) => Promise<void> = async () => undefined) {
  const clock = manualClock()
  const from = clock.now()
  const woken: [id: string, at: number][] = []
  const runner = {
    wake: async (id: string) => {
      woken.push([id, clock.now() - from])
      await wake(id)
    },
  }
  return { clock, woken, wakes: incomingWakes(runner, clock) }
}

describe('webhooks of one run', () => {
  it('wake it at once, and at most once a second', async () => {
    const { clock, woken, wakes } = wakesOf()
    for (let times = 0; times < 35; times += 1) {
      await wakes.wake('a')
      await clock.advance(100)
    }
    await clock.advance(10_000)
    expect(woken).toEqual([0, 1000, 2000, 3000, 4000].map((at) => ['a', at]))
  })

  it('wake it again after the last one, which may be about the end of the job', async () => {
    const { clock, woken, wakes } = wakesOf()
    await wakes.wake('a')
    await clock.advance(10)
    await wakes.wake('a')
    await clock.advance(5_000)
    await wakes.wake('a')
    expect(woken).toEqual([
      ['a', 0],
      ['a', 1000],
      ['a', 5010],
    ])
  })

  it('do not delay those of another one', async () => {
    const { woken, wakes } = wakesOf()
    await Promise.all(['a', 'b', 'c'].map((id) => wakes.wake(id)))
    expect(woken.map(([id]) => id)).toEqual(['a', 'b', 'c'])
  })

  it('report that the runner failed, but for the delayed one', async () => {
    const { clock, woken, wakes } = wakesOf(async () => {
      throw new Error('down')
    })
    await expect(wakes.wake('a')).rejects.toThrow('down')
    await wakes.wake('a')
    await clock.advance(1_000)
    expect(woken).toHaveLength(2)
  })
})
