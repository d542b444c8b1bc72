import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createHandler, toNodeListener } from '../../src/http/index.js'
import { SoraPipeline } from '../../src/index.js'
import { type Sandbox, startSandbox } from '../../src/sandbox/index.js'
import { mirrorResolver, videosApiGenerator } from '../../src/strategies/index.js'
import { isPythonLeftOut, pythonTitle, runPython } from '../python/python-client.js'
import { codeBlocksOf } from '../repository/documents.js'
import { ROOT } from '../repository/source-files.js'
import { inspectMp4 } from '../sandbox/inspect-mp4.js'

// The samples of README.md for the official clients, against a backend on the sandbox.

let readme: string
let folder: string
let sandbox: Sandbox
let baseUrl: string
const server = createServer()

beforeAll(async () => {
  readme = await readFile(join(ROOT, 'README.md'), 'utf8')
  // Inside the package, where its client is found.
  folder = await mkdtemp(join(ROOT, 'test/.readme-clients-'))
  await writeFile(join(folder, '.gitignore'), '*\n')
  sandbox = await startSandbox({ speed: 20 })
  const pipeline = new SoraPipeline({
    generator: videosApiGenerator(sandbox.videosApi),
    resolver: mirrorResolver({ hosts: sandbox.mirrors, path: '/MP4/{videoId}.mp4' }),
    allowPrivateAddresses: ['127.0.0.1'],
  })
  server.on('request', toNodeListener(createHandler(pipeline, { apiKeys: ['my-key'] }))).listen(0, '127.0.0.1')
  await once(server, 'listening')
  baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`
})

afterAll(async () => {
  server.close()
  server.closeAllConnections()
  await sandbox.close()
  await rm(folder, { recursive: true, force: true })
})

test('the sample in JavaScript streams a chat completion and creates a video', async () => {
  const file = join(folder, 'client.ts')
  await writeFile(file, sampleOf('ts', "from 'openai'"))
  const { stdout } = await promisify(execFile)(process.execPath, [file])
  expect(stdout).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/MP4\/video_\w+\.mp4$/m)
  expect(stdout).toMatch(/id: 'video_\w+',\n +object: 'video',/)
})

test.skipIf(isPythonLeftOut)(
  pythonTitle('the sample in Python streams a chat completion and downloads a video'),
  async () => {
    const directory = await mkdtemp(join(tmpdir(), 'sora-pipeline-readme-'))
    const code = `import os, sys\nos.chdir(sys.argv[1])\n${sampleOf('py', 'from openai')}`
    expect(await runPython(code, directory)).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/MP4\/video_\w+\.mp4$/m)
    expect((await inspectMp4(await readFile(join(directory, 'cat.mp4')))).codec).toBe('avc')
    await rm(directory, { recursive: true, force: true })
  },
)

/** The sample that has a text, for the backend of this test. */
function sampleOf(language: string, text: string): string {
  const sample = codeBlocksOf(readme, language).find((code) => code.includes(text)) ?? ''
  expect(sample).toContain('http://localhost:8080/v1')
  return sample.replace('http://localhost:8080/v1', baseUrl)
}
