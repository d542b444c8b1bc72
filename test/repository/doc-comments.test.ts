import { expect, test } from 'vitest'
import { exportedNames, resolveImport, type SourceFile, typeScriptFiles, withoutComments } from './source-files.js'

const FILES = typeScriptFiles('src')

test('every public name has a doc comment', () => {
  expect(undocumented(FILES)).toEqual([])
})

test('a public name without a doc comment is found', () => {
  const files = [
    {
      path: 'index.ts',
      text: "export { type A, b } from './contracts/a.js'\nexport type { C } from './contracts/a.js'",
    },
    {
      path: 'contracts/a.ts',
      text: '/** An A. */\nexport interface A {}\n\nexport const b = 1\n\n// not a doc comment\nexport type C = 1\n',
    },
  ]
  expect(undocumented(files)).toEqual(['src/contracts/a.ts: document C', 'src/contracts/a.ts: document b'])
})

function undocumented(files: readonly SourceFile[]): readonly string[] {
  const entries = files.filter(({ path }) => /^(?:[a-z0-9]+\/)?index\.ts$/.test(path))
  const problems = entries.flatMap(({ path: entry, text }) =>
    [...withoutComments(text).matchAll(/export (?:type )?\{[^}]*\} from '([^']+)'/g)].flatMap(
      ([list, specifier = '']) => {
        const path = resolveImport(entry, specifier)
        const code = files.find((file) => file.path === path)?.text ?? ''
        const { values, types } = exportedNames(list)
        return [...values, ...types]
          .filter((name) => !isDocumented(code, name))
          .map((name) => `src/${path}: document ${name}`)
      },
    ),
  )
  return [...new Set(problems)].sort()
}

function isDocumented(code: string, name: string): boolean {
  const kind = '(?:abstract class|class|interface|type|const|function\\*?|async function\\*?)'
  return new RegExp(`\\*/\\s*\\nexport (?:declare )?${kind} ${name}\\b`).test(code)
}
