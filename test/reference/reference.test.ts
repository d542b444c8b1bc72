import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ROOT } from '../repository/source-files.js'
import { readDoc } from './doc-comment.ts'
import { referencePages } from './reference.ts'

const FOLDER = join(ROOT, 'src/reference')

test('src/reference is what npm run reference makes of the hover texts', async () => {
  const pages = await referencePages()
  expect(readdirSync(FOLDER).sort()).toEqual([...pages.keys()].sort())
  for (const [name, text] of pages) {
    expect(readFileSync(join(FOLDER, name), 'utf8'), `run npm run reference: ${name} differs from the source`).toBe(
      text,
    )
  }
})

test('every link of the reference leads to a heading that is there', async () => {
  const pages = await referencePages()
  const anchors = new Map([...pages].map(([name, text]) => [name, anchorsIn(text)]))
  const broken = [...pages].flatMap(([name, text]) =>
    [...text.matchAll(/\]\(([\w./-]*)(?:#([\w-]+))?\)/g)]
      .filter(([, file, anchor]) => {
        const target = file === '' ? name : (file as string)
        const known = anchors.get(target)
        return known === undefined ? !existsSync(join(FOLDER, target)) : anchor !== undefined && !known.has(anchor)
      })
      .map(([link]) => `${name}: ${link}`),
  )
  expect(broken).toEqual([])
})

test('every table of the reference has the same number of cells in each row', async () => {
  const uneven = [...(await referencePages())].flatMap(([name, text]) =>
    text
      .split('\n\n')
      .filter((block) => block.startsWith('| '))
      .filter((block) => new Set(block.trim().split('\n').map(cellsIn)).size > 1)
      .map((block) => `${name}: ${block.slice(0, 60)}`),
  )
  expect(uneven).toEqual([])
})

test('a doc comment is read with its tags, also where one stands at the end of a line', () => {
  expect(readDoc('* How many. A whole number from 1. @defaultValue `3` ')).toEqual({
    text: 'How many. A whole number from 1.',
    defaultValue: '`3`',
    params: {},
    throws: [],
  })
  const long = readDoc(
    '*\n   * One\n   * sentence.\n   *\n   * - a\n   *   b\n   * - c\n   * @param id - The id.\n   * @throws TypeError when\n   * it is none.\n   ',
  )
  expect(long).toEqual({
    text: 'One sentence.\n- a b\n- c',
    params: { id: 'The id.' },
    throws: ['TypeError when it is none.'],
  })
})

function anchorsIn(text: string): ReadonlySet<string> {
  const counts = new Map<string, number>()
  const headings = text.replaceAll(/^```[\s\S]*?^```/gm, '').matchAll(/^#+ (.+)$/gm)
  return new Set(
    [...headings].map(([, heading = '']) => {
      const base = heading
        .toLowerCase()
        .replaceAll(/[^\w -]/g, '')
        .replaceAll(' ', '-')
      const count = counts.get(base) ?? 0
      counts.set(base, count + 1)
      return count === 0 ? base : `${base}-${count}`
    }),
  )
}

function cellsIn(row: string): number {
  return row.split(/(?<!\\)\|/).length
}
