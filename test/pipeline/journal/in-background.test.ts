import { describe, expect, it } from 'vitest'
import { FencedError } from '../../../src/index.js'
import { inBackground, PATIENTLY } from '../../../src/pipeline/journal/in-background.js'
import { manualClock } from '../../../src/testing/index.js'

/** In which second each try of an act was made; `outcomes` say what becomes of them, and those past the end fail. */
async function triesOf(outcomes: readonly ('done' | Error)[], tries?: number) {
  const clock = manualClock()
  const at: number[] = []
  const act = async () => {
    const outcome = outcomes[at.length] ?? new Error('connect ECONNREFUSED')
    at.push(clock.monotonic() / 1000)
    if (outcome !== 'done') throw outcome
  }
  inBackground({ clock }, act, tries)
  await clock.advance(3_600_000)
  expect(clock.pending).toBe(0)
  return at
}

const down = new Error('connect ECONNREFUSED')

describe('what the store lacks', () => {
  it('is saved at once where the store works', async () => {
    expect(await triesOf(['done'])).toEqual([0])
  })

  it('is saved as soon as the store works again', async () => {
    expect(await triesOf([down, down, 'done'])).toEqual([0, 1, 3])
  })

  it('is given up after five tries in a quarter of a minute', async () => {
    expect(await triesOf([])).toEqual([0, 1, 3, 7, 15])
  })

  it('is given up at once when another process has saved', async () => {
    const fenced = new FencedError('Could not save the run, version 1 is not the newest: run_1')
    expect(await triesOf([fenced])).toEqual([0])
    expect(await triesOf([down, fenced])).toEqual([0, 1])
  })

  it('of a job that is paid is tried every half a minute for about a quarter of an hour', async () => {
    const at = await triesOf([], PATIENTLY)
    expect(at).toHaveLength(35)
    expect(at.slice(4, 8)).toEqual([15, 31, 61, 91])
    expect(at.at(-1)).toBe(901)
  })
})
