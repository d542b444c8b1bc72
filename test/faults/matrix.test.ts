import { beforeAll, expect, test } from 'vitest'
import type { CellReport } from './cell.ts'
import { KNOWN } from './known.ts'
import { CELL_MS, cells, playCells } from './matrix.ts'
import { hasPassed, knownOf, toMarkdown } from './report.ts'

const CELLS = cells()

let reports: readonly CellReport[]
beforeAll(async () => {
  reports = await playCells(CELLS)
}, 300_000)

test.each(CELLS.map(({ fault, stage, expected }, index) => [fault, stage, expected, index] as const))(
  '%s, at %s: %s',
  (_fault, _stage, expected, index) => {
    const report = reports[index] as CellReport
    const { outcome, problems, realMs } = report
    const known = knownOf(report)
    expect(problems).toEqual([])
    expect(realMs).toBeLessThan(CELL_MS)
    expect(outcome).toBe(known?.outcome ?? expected)
    if (known) expect(outcome, 'it passes: take it out of KNOWN').not.toBe(expected)
  },
)

test('at least 200 cells pass, no two cells are the same, and every known one exists', () => {
  expect(reports.filter(hasPassed).length).toBeGreaterThanOrEqual(200)
  const names = CELLS.map(({ fault, stage }) => `${fault} at ${stage}`)
  expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([])
  expect(KNOWN.filter(({ fault, stage }) => !names.includes(`${fault} at ${stage}`))).toEqual([])
})

test('the printed table has a row for every cell, and its counts add up', () => {
  const text = toMarkdown(reports)
  expect(text.split('\n').filter((line) => /^\| \d+ \| /.test(line))).toHaveLength(CELLS.length)
  const totals = [...text.matchAll(/^\| \D.* \| (\d+) \|$/gm)].map(([, total]) => Number(total))
  expect(totals.reduce((sum, total) => sum + total, 0)).toBe(reports.filter(hasPassed).length)
})
