import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readdir, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type PackedProject, packedProject } from './packed-project.js'

const run = promisify(execFile)
let packed: PackedProject
let project: string

beforeAll(async () => {
  packed = await packedProject(['esbuild', 'rollup'])
  project = packed.folder
  await writeFile(join(project, 'program.js'), program)
  await writeFile(join(project, 'video.js'), video)
  await writeFile(join(project, 'alone.js'), alone)
  await writeFile(join(project, 'bundle.js'), bundle)
}, 60_000)
afterAll(() => packed.remove())

// No await at the top level: a bundle in CommonJS has none.
const program = `
import { SoraPipeline } from 'sora-pipeline'
import { sqliteStore } from 'sora-pipeline/stores'
import { mirrorResolver, videosApiGenerator } from 'sora-pipeline/strategies'

async function main(path) {
  const { startVideos } = await import('./video.js')
  const sandbox = await startVideos()
  const store = sqliteStore({ path })
  const generator = videosApiGenerator(sandbox.videosApi)
  const resolver = mirrorResolver({ hosts: sandbox.mirrors, path: '/MP4/{videoId}.mp4' })
  const pipeline = new SoraPipeline({ generator, resolver, store, pollSchedule: () => 100 })
  const { url } = await pipeline.generate({ prompt: 'A cat', durationSeconds: 1, size: '64x64' })
  const bytes = Buffer.from(await (await fetch(url)).arrayBuffer())
  console.log(bytes.subarray(4, 8).toString(), bytes.length > 500)
}
main('runs.sqlite').then(
  () => process.exit(),
  (error) => {
    console.error(error)
    process.exit(1)
  },
)
`
const video = `
import { startSandbox } from 'sora-pipeline/sandbox'
export const startVideos = () => startSandbox({ speed: 20 })
`
// Nothing but the pipeline, and a run twice.
const alone = `
import { SoraPipeline } from 'sora-pipeline'

let calls = 0
const generator = {
  name: 'mock',
  generate: async () => {
    calls += 1
    return { id: 'gen_1', url: 'https://cdn.example/a.mp4' }
  },
}
const pipeline = new SoraPipeline({ generator })
const run = async () => {
  const shown = await pipeline.generate({ prompt: 'A cat' }).then(
    ({ url }) => url,
    ({ name, reason }) => name + ', ' + reason,
  )
  console.log(shown, calls)
}
run().then(run)
`
// Rollup leaves packages out unless a plugin finds them.
const bundle = `
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { rollup } from 'rollup'

const [bundler, format, isSplit, program] = JSON.parse(process.argv[2])
if (bundler === 'esbuild') {
  const options = { bundle: true, platform: 'node', format, splitting: isSplit, outdir: 'out', logLevel: 'warning' }
  await build({ ...options, entryPoints: [program] })
} else {
  const isPackage = (id) => /^[a-z]/.test(id) && !id.startsWith('node:')
  const find = (id, from) => (from !== undefined && isPackage(id) ? fileURLToPath(import.meta.resolve(id)) : null)
  const packages = { name: 'packages', resolveId: find }
  // Rollup warns about comments and circles of zod.
  const onLog = (level, { message }) => {
    if (level === 'warn' && !message.includes('/zod/')) console.error(message)
  }
  const made = await rollup({ input: program, external: /^node:/, plugins: [packages], onLog })
  await made.write({ dir: 'out', format, inlineDynamicImports: !isSplit })
}
`

describe.each([
  ['esbuild', 'esm', false],
  ['esbuild', 'esm', true],
  ['esbuild', 'cjs', false],
  ['rollup', 'esm', false],
  ['rollup', 'esm', true],
  ['rollup', 'cjs', false],
] as const)('a program that %s bundles as %s, split: %s', (bundler, format, isSplit) => {
  let place: string
  let files: readonly string[]

  // The bundle runs where no sora-pipeline is installed, only the encoder.
  beforeAll(async () => {
    place = await mkdtemp(join(tmpdir(), 'sora-pipeline-bundle-'))
    const order = JSON.stringify([bundler, format, isSplit, 'program.js'])
    const { stderr } = await run(process.execPath, ['bundle.js', order], { cwd: project })
    expect(stderr).toBe('')
    await rename(join(project, 'out'), join(place, 'out'))
    await writeFile(join(place, 'out/package.json'), JSON.stringify({ type: format === 'cjs' ? 'commonjs' : 'module' }))
    files = (await readdir(join(place, 'out'))).filter((name) => name.endsWith('.js'))
  })
  afterAll(() => rm(place, { recursive: true, force: true }))
  const start = () => run(process.execPath, ['out/program.js'], { cwd: place, timeout: 30_000 })

  it('names the encoder where it is not installed', async () => {
    await expect(start()).rejects.toMatchObject({ stderr: expect.stringContaining('h264-mp4-encoder is not found') })
  })

  it('has the workers of the sandbox and of the SQLite store', async () => {
    if (isSplit) expect(files.length).toBeGreaterThan(1)
    else expect(files).toEqual(['program.js'])
    await mkdir(join(place, 'node_modules'))
    await symlink(resolve('node_modules/h264-mp4-encoder'), join(place, 'node_modules/h264-mp4-encoder'))
    expect(await start()).toMatchObject({ stdout: 'ftyp true\n', stderr: '' })
    const database = new DatabaseSync(join(place, 'runs.sqlite'))
    expect(database.prepare('SELECT count(*) AS count FROM runs').get()).toEqual({ count: 2 })
    database.close()
  })
})

describe.each([
  ['esbuild', 'esm', false],
  ['esbuild', 'esm', true],
  ['esbuild', 'cjs', false],
  ['rollup', 'esm', false],
  ['rollup', 'esm', true],
  ['rollup', 'cjs', false],
] as const)('a pipeline alone that %s bundles as %s, split: %s', (bundler, format, isSplit) => {
  let place: string

  beforeAll(async () => {
    place = await mkdtemp(join(tmpdir(), 'sora-pipeline-bundle-'))
    const order = JSON.stringify([bundler, format, isSplit, 'alone.js'])
    const { stderr } = await run(process.execPath, ['bundle.js', order], { cwd: project })
    expect(stderr).toBe('')
    await rename(join(project, 'out'), join(place, 'out'))
    await writeFile(join(place, 'out/package.json'), JSON.stringify({ type: format === 'cjs' ? 'commonjs' : 'module' }))
  })
  afterAll(() => rm(place, { recursive: true, force: true }))
  const start = () => run(process.execPath, ['out/alone.js'], { cwd: place, timeout: 30_000 })

  it('has its engine, in a file of its own if it is split', async () => {
    expect(await start()).toMatchObject({
      stdout: 'https://cdn.example/a.mp4 1\nhttps://cdn.example/a.mp4 2\n',
      stderr: '',
    })
    const files = (await readdir(join(place, 'out'))).filter((name) => name.endsWith('.js'))
    const [engine, ...others] = files.filter((name) => name.startsWith('engine'))
    expect(others).toEqual([])
    expect(engine === undefined).toBe(!isSplit)
    if (engine === undefined) return
    // After a deploy over a running process: each run reports it, and no job is paid.
    await rm(join(place, 'out', engine))
    const failed = 'RunStateError, a part of the library cannot be loaded 0\n'
    expect(await start()).toMatchObject({ stdout: failed + failed, stderr: '' })
  })
})
