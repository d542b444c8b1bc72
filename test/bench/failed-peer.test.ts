import { expect, test } from 'vitest'
import { textOf } from '../../bench/harness/figures.js'
import { unlessItFails } from '../../bench/harness/peers.js'

test('a library whose measurement fails has a cell that reports it, and the others have their figures', async () => {
  const said: string[] = []
  const say = (line: string) => said.push(line)
  const figures = new Map([
    ['good', await unlessItFails('good', Promise.resolve(3), say)],
    ['bad', await unlessItFails<number>('bad', Promise.reject(new Error('write EPIPE')), say)],
  ])
  expect(textOf(figures, (figure) => `${figure}x`)).toEqual({ good: '3x', bad: 'failed' })
  expect(said).toEqual([expect.stringMatching(/^bad +failed: write EPIPE$/)])
})
