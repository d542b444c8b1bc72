import { execFile } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { codeBlocksOf, documents } from './documents.js'
import { ROOT, typeScriptFiles } from './source-files.js'

// Inside the package, so that it is imported by its own name, as users do.
const FOLDER = join(ROOT, 'test/.samples')
// The blocks of src/reference are signatures, and samples of doc comments, which are compiled from there.
const DOCUMENTS = documents().filter(({ path }) => !path.startsWith('src/reference/'))

const run = promisify(execFile)
const samples = new Map<string, string>()
let report = ''

beforeAll(async () => {
  for (const { path, text } of DOCUMENTS) collect(documentPrefix(path), codeBlocksOf(text, 'ts'))
  for (const { path, text } of typeScriptFiles('src')) {
    collect(`src--${path.replace('.ts', '').replaceAll('/', '--')}`, exampleBlocks(text))
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

test('README.md has samples, and so have the documents beside the code that users import', () => {
  const paths = [
    'README.md',
    ...['ai-sdk', 'http', 'jobs', 'openai', 'pipeline', 'settings', 'stores', 'strategies', 'testing'].map(beside),
  ]
  expect(paths.filter((path) => samplesOf(documentPrefix(path)).length === 0)).toEqual([])
})

test.each(DOCUMENTS)('the samples of $path compile', ({ path }) => {
  expect(errorsOf((name) => name.startsWith(`${documentPrefix(path)}-`))).toEqual([])
})

test('SKILL.md is short, and has samples', () => {
  const text = DOCUMENTS.find(({ path }) => path === 'src/SKILL.md')?.text ?? ''
  expect(text).toMatch(/^---\nname: sora-pipeline\ndescription: \S.*\n---\n/)
  expect(text.trimEnd().split('\n').length).toBeLessThanOrEqual(80)
  expect(samplesOf(documentPrefix('src/SKILL.md')).length).toBeGreaterThan(1)
})

test('the samples of doc comments are found, and compile', () => {
  expect(samplesOf('src-').length).toBeGreaterThan(10)
  expect(errorsOf((name) => !name.startsWith('document--'))).toEqual([])
})

test('the first sample of README.md runs', async () => {
  const [first] = samplesOf(documentPrefix('README.md'))
  expect(first, 'README.md needs a sample in a ts block').toBeDefined()
  const { stdout } = await run(process.execPath, [join(FOLDER, String(first))], { cwd: FOLDER, timeout: 60_000 })
  expect(stdout.trim(), 'the first sample must print what it did').not.toBe('')
}, 70_000)

test('samples are taken out of their surroundings', () => {
  expect(codeBlocksOf('a\n```ts\nlet a = 1\n```\n```sh\nls\n```\n  ```ts\n  b()\n  ```\n', 'ts')).toEqual([
    'let a = 1\n',
    '  b()\n',
  ])
  expect(exampleBlocks('/**\n * @example\n * ```ts\n * f({\n *   a: 1,\n * })\n * ```\n */')).toEqual([
    'f({\n  a: 1,\n})\n',
  ])
})

function beside(folder: string): string {
  return `src/${folder}/README.md`
}

function documentPrefix(path: string): string {
  return `document--${path.replace('.md', '').replaceAll('/', '--')}`
}

function collect(prefix: string, blocks: readonly string[]) {
  for (const [index, code] of blocks.entries()) samples.set(`${prefix}-${index + 1}.ts`, code)
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

function exampleBlocks(source: string): readonly string[] {
  const comments = source.match(/\/\*\*[\s\S]*?\*\//g) ?? []
  return comments.flatMap((comment) => codeBlocksOf(comment.replaceAll(/^ *\* ?/gm, ''), 'ts'))
}
