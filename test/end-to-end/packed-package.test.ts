import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { inspectMp4 } from '../sandbox/inspect-mp4.js'

const run = promisify(execFile)
let project: string

// An empty project with the packed tarball in it; its dependencies are linked, so that no network is needed.
beforeAll(async () => {
  project = await mkdtemp(join(tmpdir(), 'sora-pipeline-packed-'))
  const { stdout } = await run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', project])
  const [{ filename }] = JSON.parse(stdout) as [{ filename: string }]
  const target = join(project, 'node_modules/sora-pipeline')
  await mkdir(target, { recursive: true })
  await run('tar', ['-xzf', join(project, filename), '-C', target, '--strip-components=1'])
  for (const name of [
    'ky',
    'p-retry',
    'is-network-error',
    'zod',
    'eventsource-parser',
    'h264-mp4-encoder',
    '@types',
    'undici-types',
  ]) {
    await symlink(resolve('node_modules', name), join(project, 'node_modules', name))
  }
  await writeFile(join(project, 'package.json'), JSON.stringify({ name: 'empty', type: 'module' }))
}, 60_000)
afterAll(() => rm(project, { recursive: true, force: true }))

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
    expect(files.sort()).toEqual(['CHANGELOG.md', 'README.md', 'dist', 'package.json'])
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
