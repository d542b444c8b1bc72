import { stripVTControlCharacters } from 'node:util'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { barLine, progressBar } from '../../src/cli/display/progress-bar.js'
import type { StageProgressed, StageStarted } from '../../src/index.js'
import { fakeTerminal } from './terminal.js'

const base = { runId: 'run_1', sequence: 1, at: 0, stage: 'generate', strategy: 'videos-api' } as const
const started: StageStarted = { ...base, type: 'stage-started' }
const half: StageProgressed = { ...base, type: 'stage-progressed', ratio: 0.5, phase: 'in_progress', elapsedMs: 2000 }

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

test.each([
  [80, half, 500, `  generate ${'█'.repeat(15)}${'░'.repeat(15)} 50 %, in_progress, 2.5 s`],
  [80, { ...half, ratio: 1 }, 0, `  generate ${'█'.repeat(30)} 100 %, in_progress, 2.0 s`],
  [80, { ...base, type: 'stage-progressed', bytesDone: 12_345, elapsedMs: 0 } as const, 0, '12,345 bytes, 0.0 s'],
  [80, started, 300, `  generate ${'░'.repeat(30)} 0.3 s`],
  [40, half, 0, '  generate 50 %, in_progress, 2.0 s'],
  [20, half, 0, '  generate 50 %, in'],
  [1, half, 0, ''],
])('in %i columns %j looks like this', (columns, event, passedMs, expected) => {
  const text = stripVTControlCharacters(barLine(event, passedMs, fakeTerminal({ columns }).stdout))
  expect(text.endsWith(expected)).toBe(true)
  expect(text.length).toBeLessThan(columns)
})

test('a terminal without a width counts as one of 80 columns', () => {
  expect(stripVTControlCharacters(barLine(half, 0, fakeTerminal({ columns: 0 }).stdout))).toContain('█')
})

test('the bar is redrawn, its time continues, lines come above it, and nothing is left of it', () => {
  const terminal = fakeTerminal({ columns: 80 })
  const bar = progressBar(terminal.stdout)
  bar.print('before')
  bar.show(half)
  vi.advanceTimersByTime(200)
  bar.print('above')
  bar.hide()
  bar.hide()
  expect(vi.getTimerCount()).toBe(0)
  const texts = terminal.out().split('\r\u001b[K').map(stripVTControlCharacters)
  const drawn = (time: string) => expect.stringMatching(new RegExp(`50 %, in_progress, ${time} s$`))
  expect(texts).toEqual(['before\n', drawn('2.0'), drawn('2.1'), drawn('2.2'), 'above\n', drawn('2.2'), ''])
})
