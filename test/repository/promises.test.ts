import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { targetOf } from './documents.js'
import { ROOT } from './source-files.js'

test('every promise of test/README.md names tests that exist as its proof', () => {
  const rows = promisesOf(textOf('test/README.md'))
  expect(rows.length).toBeGreaterThan(4)
  expect(
    rows.flatMap(({ promise, proofs }) => (proofs.some(isTest) && proofs.every(isThere) ? [] : [promise])),
  ).toEqual([])
})

test('every promise of README.md is proved in test/README.md', () => {
  const proved = promisesOf(textOf('test/README.md')).map(({ name }) => name)
  const promised = promisesOf(textOf('README.md')).map(({ name }) => name)
  expect(promised.length).toBeGreaterThan(4)
  expect(promised.filter((name) => name === undefined || !proved.includes(name))).toEqual([])
})

test('a promise without a proof is found', () => {
  const table =
    '| promise | its limits | proved by |\n| --- | --- | --- |\n| **It flies.** High. | Never. | [wings](wings.test.ts) |\n\n| a |'
  expect(promisesOf(table)).toEqual([
    { promise: '**It flies.** High.', name: 'It flies', proofs: ['test/wings.test.ts'] },
  ])
  expect(promisesOf('| promise | its limits |\n| --- | --- |\n| It flies | |')).toEqual([
    { promise: 'It flies', name: undefined, proofs: [] },
  ])
  expect(isThere('test/wings.test.ts')).toBe(false)
  expect(isTest('README.md')).toBe(false)
})

/** The rows of the table of promises; the name of one is its first words, in bold. */
function promisesOf(text: string) {
  const table = text.slice(text.indexOf('| promise |')).split('\n\n', 1)[0] ?? ''
  return table
    .split('\n')
    .slice(2)
    .map((row) => {
      // A bar in a row is escaped.
      const [, promise = '', , proofs = ''] = row.split(/(?<!\\)\|/).map((cell) => cell.trim())
      return {
        promise,
        name: /^\*\*(.+?)\.?\*\*/.exec(promise)?.[1],
        proofs: [...proofs.matchAll(/\]\(([^)]+)\)/g)].map(([, link = '']) => targetOf('test/README.md', link).file),
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

function textOf(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8')
}
