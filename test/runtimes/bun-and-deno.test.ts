import { execFile } from 'node:child_process'
import { copyFile, mkdtemp } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { type Sandbox, startSandbox } from '../../src/sandbox/index.js'
import { type PackedProject, packedProject } from '../end-to-end/packed-project.js'
import { deadOrigin } from '../upstream/loopback-server.js'
import { executableOf, isLeftOut, runtimeTitle } from './installed.js'

const run = promisify(execFile)
let packed: PackedProject
let sandbox: Sandbox

beforeAll(async () => {
  packed = await packedProject()
  sandbox = await startSandbox({ speed: 20 })
  for (const name of ['program.ts', 'sandbox-program.ts', 'submission-program.ts'])
    await copyFile(fileOf(name), join(packed.folder, name))
  const entry = fileOf('lookup-program.ts')
  const options = ['--bundle', '--format=esm', '--platform=node', `--outfile=${join(packed.folder, 'lookup.mjs')}`]
  await run(resolve('node_modules/.bin/esbuild'), [entry, ...options])
}, 60_000)
afterAll(async () => {
  await sandbox.close()
  await packed.remove()
})

const fileOf = (name: string) => resolve('test/runtimes', name)

describe.each([
  ['bun', ['run']],
  // The packages that are installed, and no others.
  ['deno', ['run', '--allow-all', '--cached-only']],
] as const)('%s', (runtime, flags) => {
  const start = async (...parameters: readonly string[]) => {
    const env = { ...process.env, DO_NOT_TRACK: '1', DENO_NO_UPDATE_CHECK: '1', NO_COLOR: '1', NO_PROXY: '*' }
    const { stdout } = await run(executableOf(runtime), [...flags, ...parameters], { cwd: packed.folder, env })
    return stdout
  }

  it.skipIf(isLeftOut(runtime))(runtimeTitle(runtime, 'runs quickstart, chat stream, backend and stores'), async () => {
    const { videosApi, mirrors } = sandbox
    const directory = await mkdtemp(join(packed.folder, `${runtime}-`))
    const seen = JSON.parse(await start('program.ts', JSON.stringify({ videosApi, mirrors, directory })))
    const stream = { content: expect.stringMatching(/http:\S+\.mp4$/), last: '[DONE]' }
    expect(seen).toMatchObject({
      quickstart: 'ftyp',
      chatStream: stream,
      backend: {
        stream,
        created: 200,
        video: { status: 'completed', prompt: 'A dog', seconds: '4', size: '64x64', progress: 100 },
        content: 'ftyp',
        refused: 401,
      },
      stores: ['completed', 'completed'],
    })
  })

  it.skipIf(isLeftOut(runtime))(runtimeTitle(runtime, 'runs the sandbox with its worker thread'), async () => {
    expect(await start('sandbox-program.ts')).toBe('200 ftyp\n')
  })

  it.skipIf(isLeftOut(runtime))(
    runtimeTitle(runtime, 'sends a submission once, and falls back where nothing was sent'),
    async () => {
      const server = await startSandbox({ speed: 20 })
      onTestFinished(() => server.close())
      const origin = await deadOrigin()
      const reset = { kind: 'reset', when: 'after-handling' } as const
      server.setFaults({ 'videos.create': [null, reset] })
      const seen = await start('submission-program.ts', JSON.stringify({ videosApi: server.videosApi, dead: origin }))
      expect(JSON.parse(seen)).toEqual({
        kept: 'no-usable-url',
        reset: 'submission-unknown',
        next: 'no-usable-url',
      })
      expect(server.requests.filter(({ endpoint }) => endpoint === 'videos.create')).toHaveLength(3)
    },
  )

  it.skipIf(isLeftOut(runtime))(
    runtimeTitle(runtime, 'checks where a host name leads before it connects'),
    async () => {
      expect(JSON.parse(await start('lookup.mjs'))).toEqual(['refused', 0, 200, 1])
    },
  )
})
