import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { importCircles, importProblems, PACKAGE_HOMES } from './import-rules.js'
import { importsOf, ROOT, resolveImport, typeScriptFiles } from './source-files.js'

const FILES = typeScriptFiles('src')

test('imports point down, and packages are imported in their homes', () => {
  expect(importProblems(FILES)).toEqual([])
})

test('no imports go in a circle, types included', () => {
  expect(importCircles(FILES)).toEqual([])
})

test('every relative import names a file', () => {
  const paths = new Set(FILES.map(({ path }) => path))
  const missing = FILES.flatMap(({ path, text }) =>
    importsOf(text).filter((specifier) => !paths.has(resolveImport(path, specifier) ?? 'index.ts')),
  )
  expect(missing).toEqual([])
})

test('every runtime dependency has a home', () => {
  const { dependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
  expect(Object.keys(dependencies).filter((name) => !(name in PACKAGE_HOMES))).toEqual([])
})

test.each([
  ['timing/a.ts', "import { b } from '../upstream/b.js'", 'timing may only import contracts'],
  ['contracts/a.ts', "import type { B } from '../timing/b.js'", 'contracts may only import nothing'],
  ['contracts/a.ts', "import { b } from 'node:crypto'", 'contracts may not'],
  ['testing/a.ts', "import { b } from 'node:fs'", 'testing may not'],
  ['openai/a.ts', "export type { B } from '../pipeline/b.js'", 'openai may only import contracts'],
  ['pipeline/a.ts', "const b = await import('../strategies/b.js')", 'pipeline may only import'],
  ['pipeline/a.ts', "import { b } from '../upstream/download-b.js'", 'pipeline may only import'],
  ['strategies/uploaders/a.ts', "import { b } from '../resolvers/b.js'", 'what both stages need'],
  ['pipeline/a.ts', "import ky from 'ky'", 'its home is src/upstream/request.ts'],
  ['http/a.ts', "import { b } from '../cli/b.js'", 'http may only import'],
  ['cli/a.ts', "import { b } from '../sandbox/b.js'", 'cli may only import contracts'],
  ['strategies/a.ts', "import { b } from 'sora-pipeline'", 'its home is src/cli/'],
  ['unknown/a.ts', "import { b } from '../contracts/b.js'", 'unknown may only import nothing'],
  ['http/a.ts', "import '@scope/package/deep'", 'imports @scope/package: give it a home'],
])('a wrong import is found: %s, %s', (path, text, problem) => {
  expect(importProblems([{ path, text }])).toEqual([expect.stringContaining(problem)])
})

test('a circle is found, and an import in a comment does not count', () => {
  const files = [
    { path: 'pipeline/a.ts', text: "import type { B } from './b.js'" },
    { path: 'pipeline/b.ts', text: "export {\n  c,\n} from './c.js'" },
    { path: 'pipeline/c.ts', text: "import './a.js'" },
    { path: 'pipeline/d.ts', text: "/**\n * import { a } from './d.js'\n */\n// import './d.js'" },
  ]
  expect(importCircles(files)).toEqual(['pipeline/a.ts -> pipeline/b.ts -> pipeline/c.ts -> pipeline/a.ts'])
})
