import { expect, test } from 'vitest'
import { typeScriptFiles } from './source-files.js'
import { titlesOf } from './test-titles.js'

// A failing test is read by its title: these words have plainer ones.
const FORBIDDEN = /\b(?:told|tells|whoever|somebody|nobody|anybody|look-ups?|mend(?:s|ed|ing)?|anew)\b/i

const FILES = typeScriptFiles('test').filter(({ text }) => /from 'vitest'/.test(text))

test('titles of tests are in plain technical English', () => {
  const titles = FILES.flatMap(({ path, text }) => titlesOf(path, text).map((title) => ({ path, ...title })))
  expect(titles.length).toBeGreaterThan(2000)
  const wrong = titles.filter(({ text }) => FORBIDDEN.test(text))
  expect(wrong.map(({ path, line, text }) => `test/${path}:${line} ${text}`)).toEqual([])
})

test('what other tests write while this one reads is left out', () => {
  expect(typeScriptFiles('test').filter(({ path }) => /(?:^|\/)\./.test(path))).toEqual([])
})

test('files of tests have plain names', () => {
  expect(typeScriptFiles('test').filter(({ path }) => FORBIDDEN.test(path))).toEqual([])
})

test('titles are found in every form of a test and of a table, and in nothing else', () => {
  const text = `
    describe('a', () => { it.skipIf(isOff)('b', () => { expect('x').toBe('y') }) })
    test.each(['c', [\`d \${'x'}\`, 'y'], { name: 'x' }, 1] as const)(\`e %s \${x} f\`, () => undefined)
    describe.each(ROWS)('g $x', () => undefined)
    const isX = /x/.test('x')
    test(name, () => undefined)
  `
  const titles = titlesOf('a.test.ts', text)
  expect(titles.map(({ text }) => text).sort()).toEqual(['a', 'b', 'c', 'd  ', 'e %s   f', 'g $x'])
  expect(titles.find(({ text }) => text === 'b')?.line).toBe(2)
})

test('forbidden words are found in any case and with their endings, not inside other words', () => {
  const titles = ['is Told', 'a look-up', 'mends it', 'asks nobody', 'a tall order', 'is recommended', 'a lookup']
  expect(titles.filter((title) => FORBIDDEN.test(title))).toEqual(titles.slice(0, 4))
})
