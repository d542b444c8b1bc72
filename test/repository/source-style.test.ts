import { expect, test } from 'vitest'
import { type SourceFile, typeScriptFiles, withoutComments } from './source-files.js'

const FILES = typeScriptFiles('src')

// A separate program, which passes on what it reads.
const PROGRAM = 'cli/main.ts'
const NO_ENVIRONMENT = 'the library reads no environment variable'

test('no file has more than 250 lines', () => {
  const tooLong = FILES.filter(({ text }) => text.split('\n').length > 251).map(({ path }) => `src/${path}`)
  expect(tooLong, 'split these files by concept').toEqual([])
})

test('files are named in kebab-case after what they hold, and no folder is a catch-all', () => {
  expect(FILES.map(({ path }) => path).filter((path) => !isGoodPath(path))).toEqual([])
})

test('only entry files are called index, one for each folder of src at most', () => {
  const indexes = FILES.map(({ path }) => path).filter((path) => path.endsWith('index.ts'))
  expect(indexes.filter((path) => !/^(?:[a-z0-9-]+\/)?index\.ts$/.test(path))).toEqual([])
})

test('no file has code that the style forbids', () => {
  expect(FILES.flatMap(styleProblems)).toEqual([])
})

test('entry files are lists of names', () => {
  const logic = FILES.filter(({ path }) => path.endsWith('index.ts'))
    .filter(
      ({ text }) =>
        withoutComments(text)
          // What the build does not have.
          .replace("import './pipeline/present-engine.js'", '')
          .replaceAll(/export (?:type )?\{[^}]*\}(?: from '[^']+')?/g, '')
          .trim() !== '',
    )
    .map(({ path }) => `src/${path}`)
  expect(logic, 'move what is not a list of names to a file of its own').toEqual([])
})

test.each(['utils.ts', 'http/helpers.ts', 'common/a.ts', 'contracts/types.ts', 'fooBar.ts', 'http/Foo.ts'])(
  'a bad file name is found: %s',
  (path) => {
    expect(isGoodPath(path)).toBe(false)
  },
)

test.each([
  'export default {}',
  'export enum A {}',
  'const enum A {}',
  "export * from './a.js'",
  'const a: any = 1',
  'const a = b as any',
  'let a: Promise<any>',
  '// @ts-ignore',
  'try { a() } catch {}',
  "console.log('a')",
  'const a = process.env.A',
  "import { z } from 'zod'",
])('what the style forbids is found: %s', (text) => {
  expect(styleProblems({ path: 'a.ts', text })).toHaveLength(1)
})

function isGoodPath(path: string): boolean {
  // Declarations of names that a package takes for granted are no modules.
  const names = path.replace(/(?:\.d)?\.ts$/, '').split('/')
  const isCatchAll = (name: string) => /^(?:utils?|helpers?|common|constants?|types?|misc|shared|lib)$/.test(name)
  return names.every((name) => /^[a-z0-9]+(?:-[a-z0-9]+)*$/.test(name) && !isCatchAll(name))
}

function styleProblems({ path, text }: SourceFile): readonly string[] {
  const forbidden: readonly (readonly [RegExp, string])[] = [
    [/^export default\b/m, 'export a name'],
    [/^(?:export )?(?:declare )?(?:const )?enum\b/m, 'use a union of strings'],
    [/^export \*/m, 'list the names by hand'],
    [/[:<|,]\s*any\b(?=\s*[\]=;,)>|&{\n]|\[\])|\bas any\b/, 'use unknown'],
    [/\bconsole\.\w+\(/, 'the library prints nothing'],
    [/\bprocess\.env\b/, NO_ENVIRONMENT],
    [/\bfrom 'zod'/, "import * as z from 'zod/mini'"],
  ]
  const code = withoutComments(text)
  const problems = forbidden
    .filter(([pattern, fix]) => pattern.test(code) && !(path === PROGRAM && fix === NO_ENVIRONMENT))
    .map(([, fix]) => `src/${path}: ${fix}`)
  if (/@ts-(?:ignore|nocheck|expect-error)/.test(text)) problems.push(`src/${path}: fix the type`)
  // With its comments, for a catch that continues has the reason in one.
  if (/\bcatch\s*(?:\([^)]*\)\s*)?\{\s*\}/.test(text)) problems.push(`src/${path}: report the error, or say why not`)
  return problems
}
