import { expect, test } from 'vitest'
import { forbiddenWordsIn, writtenFiles } from './plain-words.js'

const FILES = writtenFiles()

test('comments, messages, examples and documents use plain technical words', () => {
  expect(FILES.flatMap(forbiddenWordsIn)).toEqual([])
})

test('code, examples and documents are read', () => {
  const paths = new Set(FILES.map(({ path }) => path))
  const expected = ['README.md', 'src/README.md', 'src/contracts/errors.ts', 'src/stores/sqlite/sqlite-store.ts']
  expect(
    [...expected, 'examples/quickstart.ts', 'examples/backend/page.html'].filter((path) => !paths.has(path)),
  ).toEqual([])
  expect([...paths].filter((path) => path.startsWith('src/reference/'))).toEqual([])
})

const SAMPLES: readonly (readonly [line: string, words: readonly string[]])[] = [
  ['// Whoever asks is told.', ['Whoever', 'told']],
  ["const text = 'a second look-up'", ['look-up']],
  ['/** Set anew, or nobody waits; two look-ups mended it. */', ['anew', 'nobody', 'look-ups', 'mended']],
  ['const told = 1', ['told']],
]

test.each(SAMPLES)('a forbidden word is found in comments, strings and names: %s', (line, words) => {
  const found = words.map((word) => `src/a.ts:2: ${word}`)
  expect(forbiddenWordsIn({ path: 'src/a.ts', text: `\n${line}` })).toEqual(found)
})

test.each(['// A retold, recommended amendment.', 'const lookup = tellsApart(isAnew)'])(
  'a word inside another one is left alone: %s',
  (text) => {
    expect(forbiddenWordsIn({ path: 'src/a.ts', text })).toEqual([])
  },
)
