import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { bundleSize } from '../../bench/import/bundle-size.js'
import { ROOT } from './source-files.js'

const DIST = join(ROOT, 'dist')
const files = readdirSync(DIST, { recursive: true, encoding: 'utf8' })

// Loaded in a process of its own, because this one has loaded everything.
const LISTING = `
const before = new Set(process.moduleLoadList)
await import(process.argv[1])
console.log(JSON.stringify(process.moduleLoadList.filter((name) => !before.has(name))))`

function loadedBy(entry: string): readonly string[] {
  const output = execFileSync(process.execPath, ['--input-type=module', '--eval', LISTING, join(DIST, entry)])
  return JSON.parse(output.toString()) as readonly string[]
}

test('the import of SoraPipeline loads no module of Node', () => {
  expect(loadedBy('index.js')).toEqual([])
})

test.each(['index.js', 'strategies/index.js', 'http/index.js', 'ai-sdk/index.js'])(
  'the import of %s does not touch fetch',
  (entry) => {
    expect(loadedBy(entry).filter((name) => /undici/.test(name))).toEqual([])
  },
)

test('a bundle of SoraPipeline alone has at most 20 KB at once, minified and compressed', async () => {
  const { eager, whole } = await bundleSize("export { SoraPipeline } from 'sora-pipeline'", 'bench')
  expect(eager).toBeLessThanOrEqual(20_000)
  expect(whole).toBeGreaterThan(eager)
})

// No timer fires and nothing is read: only a program that loads the engine in the turn of the call gets to the end.
const RUN_OF_ONE_TURN = `
const { followRun, memoryStore, SoraPipeline } = await import(process.argv[1])
const store = memoryStore()
const generator = { name: 'mock', generate: async () => ({ id: 'gen_1', url: 'https://cdn.example/a.mp4' }) }
const run = new SoraPipeline({ generator, store }).run({ prompt: 'A cat' }, { id: 'run_1' })
let url
run.result.then((result) => { url = result.url })
let isStuck = false
setImmediate(() => { isStuck = true })
for (let turn = 0; url === undefined && turn < 10_000; turn += 1) await undefined
console.log(JSON.stringify({ url, isStuck, followed: (await followRun(store, 'run_1').result).url }))`

// The fake timers of a test need it. `whole.js` is for loaders that change files, such as that of a test runner.
test.each(['index.js', 'whole.js'])('an installed package starts a run in the turn of its call, by %s', (entry) => {
  const url = 'https://cdn.example/a.mp4'
  expect(printedBy(RUN_OF_ONE_TURN, entry)).toEqual({ url, isStuck: false, followed: url })
})

const REQUEST_OF_ONE_TURN = `
const { SoraPipeline } = await import(process.argv[1])
const { videosApiGenerator } = await import('sora-pipeline/strategies')
let sent
const fetch = async (url, { method }) => {
  sent = method
  return Response.json({ id: 'video_1', status: 'failed', error: { code: 'failed', message: 'no' } })
}
const generator = videosApiGenerator({ baseUrl: 'https://api.example/v1', apiKey: 'key', fetch })
new SoraPipeline({ generator }).generate({ prompt: 'A cat' }).catch(() => undefined)
for (let turn = 0; sent === undefined && turn < 10_000; turn += 1) await undefined
console.log(JSON.stringify({ sent }))
process.exit()`

test.each(['index.js', 'whole.js'])('so does one with a fetch of its own, which needs ky, by %s', (entry) => {
  expect(printedBy(REQUEST_OF_ONE_TURN, entry)).toEqual({ sent: 'POST' })
})

function printedBy(program: string, entry: string): unknown {
  const output = execFileSync(process.execPath, ['--input-type=module', '--eval', program, join(DIST, entry)], {
    cwd: ROOT,
  })
  return JSON.parse(output.toString())
}

/** Paths of the files that an entry file imports with it. */
function importedBy(entry: string): readonly string[] {
  const imported = new Set<string>()
  const follow = (file: string) => {
    if (imported.has(file)) return
    imported.add(file)
    const text = readFileSync(file, 'utf8')
    for (const [, name = ''] of text.matchAll(/(?:^import|\bfrom) ["'](\.[^"']+)["']/gm))
      follow(resolve(dirname(file), name))
  }
  follow(join(DIST, entry))
  return [...imported]
}

test('the import of SoraPipeline loads few files, and neither the engine of a run nor zod', () => {
  const imported = importedBy('index.js')
  const sizes = imported.map((file) => statSync(file).size)
  expect(imported.length).toBeLessThanOrEqual(12)
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(300_000)
  const texts = imported.map((file) => readFileSync(file, 'utf8'))
  expect(texts.filter((text) => /^\/\/ node_modules\/zod|^var PipelineEngine = /m.test(text))).toEqual([])
})

test('the only packages that a module imports on load are small', () => {
  const imported = files
    .filter((file) => file.endsWith('.js'))
    .flatMap((file) => [...readFileSync(join(DIST, file), 'utf8').matchAll(/^(?:\} |import .*)?from "([^".][^"]*)"/gm)])
    .map(([, name = '']) => name)
    .filter((name) => !name.startsWith('node:') && !name.startsWith('sora-pipeline'))
  expect([...new Set(imported)].sort()).toEqual([
    '@opentelemetry/api',
    'aws4fetch',
    'bullmq',
    'eventsource-parser',
    'p-retry',
  ])
  // Only who imports the queue loads it, and installs it.
  const withQueue = files.filter(
    (file) => file.endsWith('.js') && readFileSync(join(DIST, file), 'utf8').includes('from "bullmq"'),
  )
  expect(withQueue).toEqual(['jobs/index.js'])
})

test('source maps do not repeat the sources', () => {
  const maps = files.filter((file) => file.endsWith('.js.map'))
  expect(maps.length).toBeGreaterThan(10)
  for (const map of maps) expect(JSON.parse(readFileSync(join(DIST, map), 'utf8'))).not.toHaveProperty('sourcesContent')
})

test('the page of the handler is loaded on its first request, and adds at most 40 KiB to the package', () => {
  const holders = files.filter(
    (file) => file.endsWith('.js') && readFileSync(join(DIST, file), 'utf8').includes('Videos - sora-pipeline'),
  )
  expect(holders).toEqual([expect.stringMatching(/^page-document-\w+\.js$/)])
  const [holder = ''] = holders
  const importers = files
    .filter((file) => file.endsWith('.js'))
    .filter((file) => new RegExp(`(?:from|import) "[./]+${holder}"`).test(readFileSync(join(DIST, file), 'utf8')))
  expect(importers, 'only import() names it').toEqual([])
  const parts = files.filter((file) => /(?:^|[\\/])page-(?:document|routes)\b/.test(file))
  const bytes = parts.reduce((sum, file) => sum + readFileSync(join(DIST, file)).byteLength, 0)
  expect(parts.length).toBeGreaterThan(2)
  expect(bytes).toBeLessThanOrEqual(40 * 1024)
})
