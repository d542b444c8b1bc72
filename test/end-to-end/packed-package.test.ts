import { execFile } from 'node:child_process'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { inspectMp4 } from '../sandbox/inspect-mp4.js'
import { type PackedProject, packedProject } from './packed-project.js'

const run = promisify(execFile)
let packed: PackedProject
let project: string

beforeAll(async () => {
  packed = await packedProject(['@types', 'undici-types'])
  project = packed.folder
}, 60_000)
afterAll(() => packed.remove())

const consumer = `
import { SoraPipeline, toChatCompletion, type Uploader } from 'sora-pipeline'
import { startSandbox } from 'sora-pipeline/sandbox'
import { videosApiGenerator } from 'sora-pipeline/strategies'
import { fakeGenerator } from 'sora-pipeline/testing'
const uploader: Uploader = { name: 'mock', upload: async () => ({ url: 'https://store.example/a.mp4' }) }
const { url } = await new SoraPipeline({ generator: fakeGenerator(), uploader }).generate({ prompt: 'x' })
console.log(url, typeof toChatCompletion, typeof startSandbox, typeof videosApiGenerator)
`

describe('the packed package', () => {
  it('holds what users need and nothing else', async () => {
    const files = await readdir(join(project, 'node_modules/sora-pipeline'))
    expect(files.sort()).toEqual(['CHANGELOG.md', 'LICENSE', 'README.md', 'dist', 'examples', 'package.json', 'src'])
    const sources = await readdir(join(project, 'node_modules/sora-pipeline/src'), {
      recursive: true,
      withFileTypes: true,
    })
    const others = sources.filter((entry) => entry.isFile() && !entry.name.endsWith('.md'))
    expect(others.map(({ name }) => name)).toEqual([])
  })

  it('is imported as ESM, by every subpath', async () => {
    await writeFile(join(project, 'esm.mjs'), consumer.replace(', type Uploader', '').replace(': Uploader', ''))
    const { stdout } = await run(process.execPath, ['esm.mjs'], { cwd: project })
    expect(stdout).toBe('https://store.example/a.mp4 function function function\n')
  })

  it('is required from CommonJS', async () => {
    const names = ['sora-pipeline', 'sora-pipeline/strategies', 'sora-pipeline/testing', 'sora-pipeline/sandbox']
    const code = names.map((name) => `console.log(Object.keys(require('${name}')).length > 0)`).join('\n')
    await writeFile(join(project, 'common.cjs'), code)
    const { stdout } = await run(process.execPath, ['common.cjs'], { cwd: project })
    expect(stdout).toBe('true\n'.repeat(4))
  })

  it('renders a video in its worker', async () => {
    const code = `import { makeVideo } from 'sora-pipeline/sandbox'
console.log((await makeVideo({ prompt: 'x', width: 64, height: 64, durationSeconds: 1 })).byteLength > 500)`
    await writeFile(join(project, 'video.mjs'), code)
    expect((await run(process.execPath, ['video.mjs'], { cwd: project })).stdout).toBe('true\n')
  })

  it('has a command that makes a video in the folder where it is called', async () => {
    const packed = join(project, 'node_modules/sora-pipeline')
    const { bin } = JSON.parse(await readFile(join(packed, 'package.json'), 'utf8'))
    const command = join(packed, bin['sora-pipeline'])
    const { stdout, stderr } = await run(process.execPath, [command, 'demo', 'A cat playing piano'], { cwd: project })
    const [, file = ''] = /^saved {2}(\.\/videos\/\S+\.mp4)$/m.exec(stdout) ?? []
    const video = await inspectMp4(await readFile(join(project, file)))
    expect(video).toMatchObject({ codec: 'avc', width: 640, height: 360, durationSeconds: 4 })
    expect(stderr).toBe('')
  })

  it.each([
    ['nodenext', 'nodenext'],
    ['esnext', 'bundler'],
  ])('compiles for a TypeScript user under %s and %s', async (module, moduleResolution) => {
    const compilerOptions = { module, moduleResolution, target: 'es2022', strict: true, noEmit: true, types: ['node'] }
    await writeFile(join(project, 'consumer.ts'), consumer)
    const config = { compilerOptions: { ...compilerOptions, exactOptionalPropertyTypes: true }, files: ['consumer.ts'] }
    await writeFile(join(project, 'tsconfig.json'), JSON.stringify(config))
    const { stdout } = await run(resolve('node_modules/.bin/tsc'), ['-p', project]).catch(
      (error: { stdout: string }) => error,
    )
    expect(stdout).toBe('')
  })
})
