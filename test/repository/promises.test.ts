import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ROOT } from './source-files.js'

test('every promise of README.md says what proves it: tests that are there', () => {
  const rows = promisesOf(readFileSync(join(ROOT, 'README.md'), 'utf8'))
  expect(rows.length).toBeGreaterThan(4)
  expect(
    rows.flatMap(({ promise, proofs }) => (proofs.some(isTest) && proofs.every(isThere) ? [] : [promise])),
  ).toEqual([])
})

test('a promise without a proof is found', () => {
  const table =
    '| promise | its limits | proved by |\n| --- | --- | --- |\n| It flies. | Never. | [wings](test/wings.test.ts) |\n\n| a |'
  expect(promisesOf(table)).toEqual([{ promise: 'It flies.', proofs: ['test/wings.test.ts'] }])
  expect(isThere('test/wings.test.ts')).toBe(false)
  expect(isTest('README.md')).toBe(false)
})

/** The rows of the table of promises. */
function promisesOf(text: string) {
  const table = text.slice(text.indexOf('| promise |')).split('\n\n', 1)[0] ?? ''
  return table
    .split('\n')
    .slice(2)
    .map((row) => {
      // A bar in a row is escaped.
      const cells = row.split(/(?<!\\)\|/).map((cell) => cell.trim())
      return {
        promise: cells[1] ?? '',
        proofs: [...(cells[3] ?? '').matchAll(/\]\(([^)]+)\)/g)].map(([, path = '']) => path),
      }
    })
}

/** A file of tests, or a folder of them. */
function isTest(path: string): boolean {
  return /^test\/[\w./-]+$/.test(path)
}

function isThere(path: string): boolean {
  return statSync(join(ROOT, path), { throwIfNoEntry: false }) !== undefined
}
