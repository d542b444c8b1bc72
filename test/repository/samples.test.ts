import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ROOT, typeScriptFiles } from './source-files.js'

// Inside the package, so that it is imported by its own name, as users do.
const FOLDER = join(ROOT, 'test/.samples')
const README = join(ROOT, 'README.md')
// Those of the folders, and SKILL.md, go into the package.
const DOCUMENTS = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
  .map((path) => path.replaceAll('\\', '/'))
  .filter((path) => path.endsWith('.md'))

const run = promisify(execFile)
const samples = new Map<string, string>()
let report = ''

beforeAll(async () => {
  if (existsSync(README)) collect('readme', codeBlocks(readFileSync(README, 'utf8')))
  for (const path of DOCUMENTS) {
    collect(documentPrefix(path), codeBlocks(readFileSync(join(ROOT, 'src', path), 'utf8')))
  }
  for (const { path, text } of typeScriptFiles('src')) {
    collect(path.replace('.ts', '').replaceAll('/', '--'), exampleBlocks(text))
  }
  rmSync(FOLDER, { recursive: true, force: true })
  mkdirSync(FOLDER, { recursive: true })
  writeFileSync(join(FOLDER, '.gitignore'), '*\n')
  for (const [name, code] of samples) writeFileSync(join(FOLDER, name), code)
  const compilerOptions = { rootDir: '../..', noUnusedLocals: false, noUnusedParameters: false }
  const config = { extends: '../tsconfig.json', compilerOptions, include: [], files: [...samples.keys()] }
  writeFileSync(join(FOLDER, 'tsconfig.json'), JSON.stringify(config))
  report = await typeCheck()
}, 60_000)

afterAll(() => rmSync(FOLDER, { recursive: true, force: true }))

test('README.md is there and has samples', () => {
  expect(existsSync(README), 'write README.md').toBe(true)
  expect(samplesOf('readme').length, 'README.md needs a sample in a ts block').toBeGreaterThan(0)
})

test('the samples of README.md compile', () => {
  expect(errorsOf((name) => name.startsWith('readme'))).toEqual([])
})

test.each(DOCUMENTS)('the samples of src/%s compile', (path) => {
  expect(errorsOf((name) => name.startsWith(`${documentPrefix(path)}-`))).toEqual([])
})

test('SKILL.md is short, and has samples', () => {
  const text = readFileSync(join(ROOT, 'src/SKILL.md'), 'utf8')
  expect(text).toMatch(/^---\nname: sora-pipeline\ndescription: \S.*\n---\n/)
  expect(text.trimEnd().split('\n').length).toBeLessThanOrEqual(80)
  expect(samplesOf(documentPrefix('SKILL.md')).length).toBeGreaterThan(1)
})

test('the samples of doc comments are found, and compile', () => {
  const isOfCode = (name: string) => !name.startsWith('readme') && !name.startsWith('document--')
  expect([...samples.keys()].filter(isOfCode).length).toBeGreaterThan(10)
  expect(errorsOf(isOfCode)).toEqual([])
})

test('the first sample of README.md runs', async () => {
  const [first] = samplesOf('readme')
  expect(first, 'README.md needs a sample in a ts block').toBeDefined()
  const { stdout } = await run(process.execPath, [join(FOLDER, String(first))], { cwd: FOLDER, timeout: 60_000 })
  expect(stdout.trim(), 'the first sample must print what it did').not.toBe('')
}, 70_000)

test('samples are taken out of their surroundings', () => {
  expect(codeBlocks('a\n```ts\nlet a = 1\n```\n```sh\nls\n```\n  ```ts\n  b()\n  ```\n')).toEqual([
    'let a = 1\n',
    '  b()\n',
  ])
  expect(exampleBlocks('/**\n * @example\n * ```ts\n * f({\n *   a: 1,\n * })\n * ```\n */')).toEqual([
    'f({\n  a: 1,\n})\n',
  ])
})

function collect(prefix: string, blocks: readonly string[]) {
  for (const [index, code] of blocks.entries()) samples.set(`${prefix}-${index + 1}.ts`, code)
}

function documentPrefix(path: string): string {
  return `document--${path.replace('.md', '').replaceAll('/', '--')}`
}

function samplesOf(prefix: string): readonly string[] {
  return [...samples.keys()].filter((name) => name.startsWith(`${prefix}-`))
}

/** The lines of the compiler about the samples, and those about the run as a whole. */
function errorsOf(isMeant: (name: string) => boolean): readonly string[] {
  return report.split('\n').filter((line) => {
    const name = /([\w-]+\.ts)\(\d+,\d+\): error/.exec(line)?.[1]
    return name === undefined ? /\berror TS/.test(line) : isMeant(name)
  })
}

async function typeCheck(): Promise<string> {
  const compiler = join(ROOT, 'node_modules/.bin/tsc')
  return run(compiler, ['-p', FOLDER, '--pretty', 'false'], { cwd: ROOT }).then(
    ({ stdout }) => stdout,
    (error: { readonly stdout?: string; readonly message: string }) => {
      // The compiler exits with a failure when it has something to say; anything else is a failure of this test.
      if (!error.stdout) throw new Error(`Could not run the compiler: ${error.message}`)
      return error.stdout
    },
  )
}

function codeBlocks(markdown: string): readonly string[] {
  return [...markdown.matchAll(/^ *```ts\b[^\n]*\n([\s\S]*?)^ *```/gm)].map((match) => match[1] ?? '')
}

function exampleBlocks(source: string): readonly string[] {
  const comments = source.match(/\/\*\*[\s\S]*?\*\//g) ?? []
  return comments.flatMap((comment) => codeBlocks(comment.replaceAll(/^ *\* ?/gm, '')))
}
