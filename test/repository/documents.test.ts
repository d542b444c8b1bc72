import { Buffer } from 'node:buffer'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { anchorsOf, documents, linksOf, packedFiles, proseOf, targetOf } from './documents.js'
import { FORBIDDEN_WORDS } from './plain-words.js'
import { ROOT } from './source-files.js'

const MOST_BYTES = 10_000

// Beside the words that plain-words.ts forbids everywhere, code included.
const FORBIDDEN = new RegExp(`${FORBIDDEN_WORDS.source}|\\b(?:goes on|at all|by itself)\\b`, 'gi')

const DOCUMENTS = documents()
let packed: ReadonlySet<string>

beforeAll(() => {
  packed = packedFiles()
})

test('README.md is short enough to be read', () => {
  expect(Buffer.byteLength(readFileSync(join(ROOT, 'README.md')))).toBeLessThanOrEqual(MOST_BYTES)
})

test('the package ships README.md, the license and the documents beside the code', () => {
  const expected = ['README.md', 'LICENSE', 'CHANGELOG.md', 'src/README.md', 'src/http/README.md', 'examples/README.md']
  expect(expected.filter((path) => !packed.has(path))).toEqual([])
  expect([...packed].filter((path) => path.startsWith('src/') && !path.endsWith('.md'))).toEqual([])
})

test.each([...DOCUMENTS, { path: 'CHANGELOG.md', text: readFileSync(join(ROOT, 'CHANGELOG.md'), 'utf8') }])(
  '$path links only to what its reader has: files in the same package or repository, and headings in them',
  ({ path, text }) => {
    expect(linksOf(text).flatMap((link) => problemsOf(path, link))).toEqual([])
  },
)

// The pages of src/reference are made from doc comments: their words are those of the source.
test.each(DOCUMENTS.filter(({ path }) => !path.startsWith('src/reference/')))(
  '$path is written in plain technical English',
  ({ text }) => {
    expect(proseOf(text).match(FORBIDDEN) ?? []).toEqual([])
  },
)

test('every document that ships is reached from README.md by links', () => {
  const texts = new Map(DOCUMENTS.map(({ path, text }) => [path, text]))
  const reached = new Set(['README.md'])
  for (const path of reached) {
    for (const link of linksOf(texts.get(path) ?? '')) reached.add(targetOf(path, link).file)
  }
  const shipped = [...packed].filter((path) => path.endsWith('.md'))
  expect(shipped.length).toBeGreaterThan(5)
  expect(shipped.filter((path) => !reached.has(path))).toEqual([])
})

describe('what the test itself reads', () => {
  test('links are found in prose and tables, not in code', () => {
    const text =
      'a [b](c.md#d) `[x](y)`\n\n| [e](<f.md> "g") |\n\n```ts\nh[i](j)\n```\n[k]: l.md\n[m](https://n.example) <a href="o">'
    expect(linksOf(text)).toEqual(['c.md#d', 'f.md', 'l.md', 'o'])
  })

  test('anchors are those of GitHub', () => {
    const text =
      '# A `b.c()`, d\n## What is saved, when?\n```sh\n# no heading\n```\n## A\n## A\n### [Link](x.md) & co\n'
    expect([...anchorsOf(text)]).toEqual(['a-bc-d', 'what-is-saved-when', 'a', 'a-1', 'link--co'])
  })

  test('targets are resolved from the document', () => {
    expect(targetOf('src/http/README.md', '../stores/README.md#a')).toEqual({
      file: 'src/stores/README.md',
      anchor: 'a',
    })
    expect(targetOf('src/README.md', '#b')).toEqual({ file: 'src/README.md', anchor: 'b' })
  })

  test('a link to what does not ship, to what is missing and to a missing heading are found', () => {
    expect(problemsOf('README.md', 'test/README.md')).toEqual(['test/README.md: not in the package'])
    expect(problemsOf('README.md', 'src/http')).toEqual(['src/http: not in the package'])
    expect(problemsOf('README.md', 'src/README.md#nowhere')).toEqual(['src/README.md#nowhere: no such heading'])
    expect(problemsOf('bench/README.md', 'nothing.ts')).toEqual(['nothing.ts: no such file'])
    expect(problemsOf('bench/README.md', 'main.ts')).toEqual([])
  })

  test('words are found in any case, not in code', () => {
    expect(proseOf('It Goes on `told`.\n```\nanew\n```\nAt all').match(FORBIDDEN)).toEqual(['Goes on', 'At all'])
  })
})

/** Why a link of a document cannot be followed by those who have the document. */
function problemsOf(path: string, link: string): readonly string[] {
  const { file, anchor } = targetOf(path, link)
  if (packed.has(path) && !packed.has(file)) return [`${link}: not in the package`]
  if (statSync(join(ROOT, file), { throwIfNoEntry: false }) === undefined) return [`${link}: no such file`]
  if (anchor === undefined) return []
  const isHeading = file.endsWith('.md') && anchorsOf(readFileSync(join(ROOT, file), 'utf8')).has(anchor)
  return isHeading ? [] : [`${link}: no such heading`]
}
