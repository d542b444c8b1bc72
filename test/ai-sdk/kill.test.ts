import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Sandbox, startSandbox } from '../../src/sandbox/index.js'
import { eventually } from '../support/eventually.js'

let directory: string
let sandbox: Sandbox
const children = new Set<ChildProcess>()

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sora-pipeline-ai-sdk-'))
  sandbox = await startSandbox()
})

afterAll(async () => {
  for (const child of children) child.kill('SIGKILL')
  await sandbox.close()
  await rm(directory, { recursive: true, force: true })
})

function start(): ChildProcess {
  const { baseUrl, apiKey } = sandbox.videosApi
  const env = { BASE_URL: baseUrl, API_KEY: apiKey, RUNS: join(directory, 'runs.sqlite'), VIDEO_KEY: 'order-42' }
  const child = spawn(process.execPath, ['test/ai-sdk/video-process.ts'], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  children.add(child)
  return child
}

const creates = (status: number) => sandbox.requestsTo('videos.create').filter((request) => request.status === status)

test('experimental_generateVideo survives a kill and a fallback, with one create upstream', {
  timeout: 60_000,
}, async () => {
  const first = start()
  // The first generator was refused, and the job of the second one runs.
  await eventually(() => expect(sandbox.requestsTo('videos.retrieve').length).toBeGreaterThan(1))
  first.kill('SIGKILL')
  expect(await once(first, 'exit')).toEqual([null, 'SIGKILL'])

  const second = start()
  const [output] = await Promise.all([text(second.stdout as NonNullable<typeof second.stdout>), once(second, 'exit')])
  const { byteLength, runId, attempts } = JSON.parse(output)
  expect(byteLength).toBeGreaterThan(10_000)
  expect(runId).toBe('order-42')
  expect(attempts).toMatchObject([
    { strategy: 'first', outcome: 'failed', errorCode: 'authentication' },
    { strategy: 'second', outcome: 'succeeded' },
  ])
  expect([creates(401).length, creates(200).length]).toEqual([1, 1])
})
