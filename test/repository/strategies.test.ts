import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { exportedNames, ROOT, typeScriptFiles } from './source-files.js'

const NAMES = exportedNames(readFileSync(join(ROOT, 'src/strategies/index.ts'), 'utf8'))
const TESTS = typeScriptFiles('test/strategies').filter(({ path }) => path.endsWith('.test.ts'))
const FACTORIES = NAMES.values.filter((name) => stageOf(name) !== undefined)
// The parts of custom strategies.
const PARTS = ['errorFromResponse', 'memoryVideo', 'networkErrorFrom', 'remoteVideo']

test('every function of the subpath is named after the stage of its strategy, or is a part of one', () => {
  expect(FACTORIES.length).toBeGreaterThan(0)
  expect(NAMES.values.filter((name) => !FACTORIES.includes(name))).toEqual(PARTS)
})

test.each(FACTORIES)('%s is covered by the conformance suite of its stage in test/strategies', (factory) => {
  const suite = `${stageOf(factory)}Conformance(`
  const covering = TESTS.filter(({ text }) => text.includes(suite) && text.includes(`${factory}(`))
  expect(
    covering.length,
    `call ${suite}{ test, create }) with a ${factory} in a file of test/strategies`,
  ).toBeGreaterThan(0)
})

test.each(FACTORIES)('%s exports the type of its options', (factory) => {
  expect(NAMES.types).toContain(`${factory.charAt(0).toUpperCase()}${factory.slice(1)}Options`)
})

test.each(FACTORIES)('%s has its own file below the folder of its stage', (factory) => {
  const file = factory.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
  const paths = typeScriptFiles('src/strategies').map(({ path }) => path)
  expect(paths.some((path) => path.startsWith(`${stageOf(factory)}s/`) && path.endsWith(`/${file}.ts`))).toBe(true)
})

test('every strategy file of a stage is exported', () => {
  const factories = typeScriptFiles('src/strategies')
    .map(({ path }) => path.split('/').at(-1)?.replace('.ts', '') ?? '')
    .filter((name) => /^\w[\w-]*-(?:generator|publisher|resolver|uploader)$/.test(name))
    .map((name) => name.replaceAll(/-(\w)/g, (_, letter: string) => letter.toUpperCase()))
  expect(factories.filter((factory) => !NAMES.values.includes(factory))).toEqual([])
})

const PROVIDERS = typeScriptFiles('src/strategies').filter(({ path }) => /providers\/[\w-]+-generator\.ts$/.test(path))

test('the generator of a provider fits on a page, and names the documentation that it follows with its date', () => {
  expect(PROVIDERS.length).toBeGreaterThan(6)
  const long = PROVIDERS.filter(({ text }) => text.trimEnd().split('\n').length > 80)
  const undated = PROVIDERS.filter(({ text }) => {
    const comment = text.replaceAll(/\n \* ?/g, ' ')
    return !/ Follows "[^"]{6,}"[^*]{10,} read in [A-Z][a-z]+ 20\d\d\./.test(comment)
  })
  expect([long, undated].map((files) => files.map(({ path }) => path))).toEqual([[], []])
})

test.each(FACTORIES.filter((name) => stageOf(name) === 'generator'))(
  '%s has a row in the table of what each generator can do, with every column',
  (factory) => {
    const [, table = ''] = readFileSync(join(ROOT, 'src/strategies/README.md'), 'utf8').split(
      '## Which generator do I use?',
    )
    const [header = '', , ...rows] = table.trim().split('\n\n', 1)[0]?.split('\n') ?? []
    const columns = (row: string) => row.split('|').filter((cell) => cell.trim() !== '').length
    expect(header).toMatch(/image .*last frame, references.* progress .* cancel .* unknown outcome .* webhook/)
    const own = rows.filter((row) => row.startsWith(`| \`${factory}\` |`))
    expect(own.map(columns)).toEqual([columns(header)])
  },
)

function stageOf(factory: string): string | undefined {
  return /(Generator|Publisher|Resolver|Uploader)$/.exec(factory)?.[1]?.toLowerCase()
}
