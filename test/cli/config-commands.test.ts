import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runCommandLine } from '../../src/cli/command-line.js'
import { SoraPipeline } from '../../src/index.js'
import { type Sandbox, startSandbox } from '../../src/sandbox/index.js'
import { sqliteStore } from '../../src/stores/index.js'
import { mirrorResolver, videosApiGenerator } from '../../src/strategies/index.js'
import { collect } from '../support/collect.js'
import { type OperatorProject, operatorProject } from './operator-project.js'
import { fakeTerminal } from './terminal.js'

// Commands that work with the pipeline of a file, and those that ask before they change something.

let sandbox: Sandbox
let project: OperatorProject
let store: ReturnType<typeof sqliteStore>
let pipeline: SoraPipeline
beforeAll(async () => {
  ;[sandbox, project] = await Promise.all([startSandbox({ speed: 8 }), operatorProject()])
  store = sqliteStore({ path: join(project.folder, 'runs.db') })
  const chain = {
    generator: videosApiGenerator(sandbox.videosApi),
    resolver: mirrorResolver({ hosts: sandbox.mirrors, path: '/MP4/{videoId}.mp4' }),
    allowPrivateAddresses: ['127.0.0.1'],
  }
  pipeline = new SoraPipeline({ ...chain, store })
  const imports = `import { SoraPipeline } from 'sora-pipeline'
import { sqliteStore } from 'sora-pipeline/stores'
import { mirrorResolver, videosApiGenerator } from 'sora-pipeline/strategies'

const chain = {
  generator: videosApiGenerator(${JSON.stringify(sandbox.videosApi)}),
  resolver: mirrorResolver({ hosts: ${JSON.stringify(sandbox.mirrors)}, path: '/MP4/{videoId}.mp4' }),
  allowPrivateAddresses: ['127.0.0.1'],
}
`
  await project.write('options.ts', `${imports}export const options: object = chain\n`)
  await project.write(
    'pipeline.mjs',
    `${imports}export default new SoraPipeline({ ...chain, store: sqliteStore({ path: 'runs.db' }) })\n`,
  )
  await project.write(
    'stored.mjs',
    `${imports}export const options = chain\nexport const store = sqliteStore({ path: 'runs.db' })\n`,
  )
  const { baseUrl, apiKey } = sandbox.videosApi
  await project.write(
    'settings.mjs',
    `export const settings = { generator: { baseUrl: '${baseUrl}' }, directory: { path: 'videos', publicBaseUrl: 'https://videos.example' } }
export const secrets = { soraApiKey: '${apiKey}' }\n`,
  )
  await project.write('nothing.mjs', 'export const other = 1\n')
  await project.write('broken.mjs', "throw new Error('no such variable')\n")
})
afterAll(async () => {
  await pipeline.close()
  await store.close()
  await Promise.all([sandbox.close(), project.remove()])
})

const creates = () => sandbox.requestsTo('videos.create').length
const polls = () => sandbox.requestsTo('videos.retrieve').length
// Polls that fail: the job does not end here, however slow the machine is.
const UNFINISHED = { kind: 'status', status: 503 } as const
const lastLine = (text: string) => JSON.parse(text.trimEnd().split('\n').at(-1) ?? '')

async function runInReview(id: string): Promise<string> {
  sandbox.setFaults({ 'videos.create': [{ kind: 'truncated-json' }] })
  await expect(pipeline.run({ prompt: `A cat of ${id}` }, { id }).result).rejects.toMatchObject({
    code: 'submission-unknown',
  })
  sandbox.clearFaults()
  return id
}

describe('retry', () => {
  it.each([
    ['options in TypeScript', ['--config', 'options.ts', '--store', 'runs.db']],
    ['a pipeline', ['--config', 'pipeline.mjs']],
    ['options with a store', ['--config', 'stored.mjs']],
    ['settings', ['--config', 'settings.mjs', '--store', 'runs.db']],
  ])('makes another video with %s, and pays one job', async (name, flags) => {
    const id = `of ${name}`
    await pipeline.generate({ prompt: 'A cat playing piano' }, { id })
    const before = creates()
    const ended = await project.command([
      'runs',
      'retry',
      id,
      ...flags,
      '--changes',
      '{"prompt":"A dog"}',
      '--yes',
      '--json',
    ])
    expect(ended, ended.stderr).toMatchObject({ code: 0, stderr: '' })
    const { id: retried, ...report } = lastLine(ended.stdout)
    expect(report).toEqual({
      type: 'retried',
      retryOf: id,
      status: 'completed',
      url: expect.stringMatching(/^https?:/),
    })
    expect(creates() - before).toBe(1)
    expect(await pipeline.get(retried)).toMatchObject({
      status: 'completed',
      retryOf: id,
      request: { prompt: 'A dog' },
    })
  })

  it('leaves the run to the next process at SIGTERM, and nothing is paid twice', async () => {
    await pipeline.generate({ prompt: 'A cat playing piano' }, { id: 'to leave' })
    const [before, polled] = [creates(), polls()]
    sandbox.setFaults({ 'videos.retrieve': UNFINISHED })
    const args = ['runs', 'retry', 'to leave', '--config', 'stored.mjs', '--yes', '--json']
    const child = spawn(process.execPath, [resolve('dist/cli/main.js'), ...args], { cwd: project.folder })
    const lines: string[] = []
    createInterface(child.stdout).on('line', (line) => lines.push(line))
    await expect.poll(() => polls()).toBeGreaterThan(polled)
    child.kill('SIGTERM')
    const [exitCode] = await once(child, 'close')
    expect(exitCode).toBe(143)
    sandbox.clearFaults()
    const left = lastLine(lines.join('\n'))
    expect(left).toMatchObject({ type: 'retried', retryOf: 'to leave', status: 'running' })
    const [run] = await pipeline.recover()
    expect(run?.id).toBe(left.id)
    expect(await run?.result).toMatchObject({ servedBy: 'resolver' })
    expect(creates() - before).toBe(1)
  })
})

it('adopt continues a paid job that the store does not know, and pays nothing', async () => {
  const { baseUrl, apiKey } = sandbox.videosApi
  const created = await fetch(`${baseUrl}/videos`, {
    method: 'POST',
    headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ prompt: 'A bird' }),
  })
  const { id: job } = (await created.json()) as { readonly id: string }
  const handle = JSON.stringify({ generator: 'videos-api', operation: { id: job }, startedAt: Date.now() })
  const before = creates()
  const args = [
    'runs',
    'adopt',
    handle,
    '--config',
    'pipeline.mjs',
    '--id',
    'adopted',
    '--owner',
    'ann',
    '--yes',
    '--json',
  ]
  const ended = await project.command(args)
  expect(lastLine(ended.stdout), ended.stderr).toMatchObject({ type: 'adopted', id: 'adopted', status: 'completed' })
  expect(await pipeline.get('adopted')).toMatchObject({ owner: 'ann', video: { id: job } })
  expect(creates()).toBe(before)
})

it('settle continues the run here with the pipeline of --config, and shows its stages', async () => {
  const id = await runInReview('to settle here')
  const before = creates()
  const ended = await project.command(['runs', 'settle', id, '--not-submitted', '--config', 'stored.mjs', '--yes'])
  expect(ended, ended.stderr).toMatchObject({ code: 0 })
  expect(ended.stdout).toMatch(/^run to settle here$/m)
  expect(ended.stdout).toMatch(/^\+ generate videos-api done in \d+\.\d s$/m)
  expect(ended.stdout).toMatch(/^URL {4}http:\/\/127\.0\.0\.1:\d+\/MP4\/video_\w+\.mp4$/m)
  expect(creates() - before).toBe(1)
})

it('remove cancels a run that is running, with the pipeline only', async () => {
  sandbox.setFaults({ 'videos.retrieve': UNFINISHED })
  const run = pipeline.run({ prompt: 'A long film' }, { id: 'to remove' })
  await expect.poll(async () => (await pipeline.inspect('to remove'))?.submission?.state).toBe('accepted')
  const refused = await project.command(['runs', 'remove', 'to remove', '--store', 'runs.db', '--yes'])
  expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('--config is missing: the run is running') })
  const removed = await project.command(['runs', 'remove', 'to remove', '--config', 'stored.mjs', '--yes'])
  expect(removed, removed.stderr).toMatchObject({ code: 0, stdout: 'Removed to remove\n' })
  expect(await pipeline.get('to remove')).toBeUndefined()
  await expect(run.result).rejects.toMatchObject({ code: 'aborted', message: 'The run was cancelled' })
  // The server did not answer what the job does, so nothing was deleted there, and the event reports that.
  expect((await collect(run)).at(-1)).toMatchObject({
    type: 'run-failed',
    isAborted: true,
    upstream: { state: 'unknown', handle: { operation: { id: expect.stringMatching(/^video_/) } } },
  })
  sandbox.clearFaults()
})

describe('a question', () => {
  const erase = (id: string) => ['runs', 'erase', id, '--store', join(project.folder, 'runs.db')]

  it.each([
    ['n', 1, 'A secret plan'],
    ['', 1, 'A secret plan'],
    ['yes', 0, ''],
  ])('is asked on a terminal; after %j the exit code is %i', async (answer, code, prompt) => {
    const id = `asked ${answer}`
    await pipeline.generate({ prompt: 'A secret plan' }, { id })
    const terminal = fakeTerminal({ answer })
    expect(await runCommandLine(erase(id), terminal)).toBe(code)
    expect(terminal.err()).toContain(`The input of ${id} is removed for good. Continue? [y/N] `)
    expect(terminal.err().includes('Nothing was changed')).toBe(code === 1)
    expect((await pipeline.get(id))?.request.prompt).toBe(prompt)
  })
})

describe('a configuration that cannot be used', () => {
  it.each([
    [
      'nothing.mjs',
      1,
      'Could not use the configuration: nothing.mjs exports other; export pipeline, options or settings',
    ],
    ['broken.mjs', 1, 'Could not load the configuration: broken.mjs: '],
    ['absent.mjs', 1, 'Could not load the configuration: absent.mjs: '],
  ])('%s exits with %i', async (file, code, message) => {
    const ended = await project.command(['runs', 'list', '--config', file, '--store', 'runs.db'])
    expect(ended).toMatchObject({ code, stdout: '', stderr: expect.stringContaining(message) })
  })

  it('with a second store is a wrong command line', async () => {
    const ended = await project.command(['runs', 'list', '--config', 'stored.mjs', '--store', 'runs.db'])
    expect(ended).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--store is given, and --config has a store'),
    })
  })
})

it.each([
  ['postgres://user:sEcret-Pa55word@127.0.0.1:1/videos', 'the package pg is not installed; run npm install pg'],
  ['redis://:sEcret-Pa55word@127.0.0.1:1', 'the package ioredis or redis is not installed; run npm install ioredis'],
])('a store at %s needs the package of its client, which is named', async (address, message) => {
  const folder = await mkdtemp(join(tmpdir(), 'sora-pipeline-no-clients-'))
  try {
    // A copy of the package outside of this repository, whose clients it would find.
    const own = join(folder, 'node_modules/sora-pipeline')
    await mkdir(own, { recursive: true })
    await Promise.all(['dist', 'package.json'].map((name) => cp(name, join(own, name), { recursive: true })))
    for (const name of ['ky', 'p-retry', 'eventsource-parser', 'aws4fetch']) {
      await symlink(resolve('node_modules', name), join(folder, 'node_modules', name))
    }
    const child = spawn(process.execPath, [join(own, 'dist/cli/main.js'), 'runs', 'list', '--store', address], {
      cwd: folder,
    })
    let errors = ''
    child.stderr.on('data', (bytes: Buffer) => {
      errors += bytes.toString()
    })
    await once(child, 'close')
    expect([child.exitCode, errors]).toEqual([1, `Could not open the store: ${message}\n`])
  } finally {
    await rm(folder, { recursive: true })
  }
})

it('a command exits when it is done, with all of its output, also if its file keeps a connection open', async () => {
  await project.write(
    'open.mjs',
    `import { createServer } from 'node:net'\ncreateServer().listen(0)\nexport * from './stored.mjs'\n`,
  )
  const { code, stdout } = await project.command(['runs', 'list', '--config', 'open.mjs', '--json', '--limit', '1000'])
  const { stdout: whole } = await project.command([
    'runs',
    'list',
    '--config',
    'stored.mjs',
    '--json',
    '--limit',
    '1000',
  ])
  expect(code).toBe(0)
  expect(stdout).toBe(whole)
  expect(stdout).not.toBe('')
})
