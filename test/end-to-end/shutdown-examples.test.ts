import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { OpenAI } from 'openai'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { startLoopbackS3 } from '../../examples/loopback-s3.ts'
import { type Sandbox, startSandbox } from '../../src/sandbox/index.js'
import { operatorProject } from '../cli/operator-project.js'
import { inspectMp4 } from '../sandbox/inspect-mp4.js'
import { isPostgresSkipped, startPostgres } from '../stores/servers/postgres-server.js'
import { freePort } from '../support/free-port.js'

// Servers of the examples that get SIGTERM while a job is running, on an upstream that outlives them.

const PATIENCE = { timeout: 30_000, interval: 50 }

let sandbox: Sandbox
let folder: string
beforeAll(async () => {
  sandbox = await startSandbox({ speed: 4 })
  folder = await mkdtemp(join(tmpdir(), 'sora-pipeline-shutdown-'))
})
afterAll(async () => {
  await sandbox.close()
  await rm(folder, { recursive: true, force: true })
})

interface Backend {
  readonly child: ChildProcess
  readonly lines: readonly string[]
  readonly errors: () => string
}

async function start(file: string, variables: Readonly<Record<string, string>>): Promise<Backend> {
  const env = { ...process.env, ...variables }
  const child = spawn(process.execPath, [resolve(file)], { env, cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] })
  let errors = ''
  child.stderr.on('data', (bytes: Buffer) => {
    errors += bytes.toString()
  })
  const lines: string[] = []
  const reader = createInterface(child.stdout).on('line', (line) => lines.push(line))
  const ended = once(child, 'close').then(() => {
    throw new Error(`Could not start the backend: ${errors}`)
  })
  ended.catch(() => undefined)
  await Promise.race([once(reader, 'line'), ended])
  return { child, lines, errors: () => errors }
}

async function terminate({ child }: Backend): Promise<unknown> {
  const exit = once(child, 'exit')
  child.kill('SIGTERM')
  return exit
}

/** Streams a chat, and ends the process once the job runs; gives the last texts of the stream and the id of the run. */
async function streamUntilSigterm(backend: Backend, port: number, key: string) {
  // Polls that fail: the job does not end before the signal, however slow the machine is.
  sandbox.setFaults({ 'videos.retrieve': { kind: 'status', status: 503 } })
  const polled = polls()
  const body = {
    model: 'sora-1.0',
    stream: true,
    messages: [{ role: 'user', content: 'A cat playing piano' }],
  } as const
  const answer = await fetch(`http://127.0.0.1:${port}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
    body: JSON.stringify(body),
  })
  const id = answer.headers.get('x-run-id') ?? ''
  await vi.waitFor(() => expect(polls()).toBeGreaterThan(polled), PATIENCE)
  const [exit, text] = await Promise.all([terminate(backend), answer.text()])
  sandbox.clearFaults()
  return { id, exit, text }
}

async function completed(port: number, key: string, id: string) {
  const client = new OpenAI({ baseURL: `http://127.0.0.1:${port}/v1`, apiKey: key, maxRetries: 0 })
  return vi.waitFor(async () => {
    const video = await client.videos.retrieve(id)
    expect(video.status).toBe('completed')
    return { video, content: await client.videos.downloadContent(id) }
  }, PATIENCE)
}

const creates = () => sandbox.requestsTo('videos.create').length
const polls = () => sandbox.requestsTo('videos.retrieve').length

describe.each(['node', 'express', 'fastify'])('the shutdown example on %s', (name) => {
  it('ends its stream with the reason at SIGTERM; the next process completes the run, and one job is paid', async () => {
    const port = await freePort()
    const variables = {
      PORT: String(port),
      RUNS: join(folder, `${name}.db`),
      VIDEO_API_URL: sandbox.videosApi.baseUrl,
      VIDEO_API_KEY: sandbox.videosApi.apiKey,
      VIDEO_MIRROR: sandbox.mirrors[0] ?? '',
    }
    const before = creates()
    const first = await start(`examples/shutdown/${name}.ts`, variables)
    expect(first.lines[0]).toBe(`serving http://127.0.0.1:${port}/v1, recovered 0 runs, the key is my-key`)
    expect((await fetch(`http://127.0.0.1:${port}/healthz`)).status).toBe(200)
    const { id, exit, text } = await streamUntilSigterm(first, port, 'my-key')
    expect(exit, first.errors()).toEqual([0, null])
    expect(first.lines.at(-1)).toBe('closed')
    expect(text).toContain('the pipeline was closed')
    expect(text.trimEnd().endsWith('data: [DONE]'), text.slice(-500)).toBe(true)

    const second = await start(`examples/shutdown/${name}.ts`, variables)
    expect(second.lines[0]).toContain('recovered 1 runs')
    const { content } = await completed(port, 'my-key', id)
    expect((await inspectMp4(await content.bytes())).codec).toBe('avc')
    expect(creates() - before).toBe(1)
    expect(await terminate(second), second.errors()).toEqual([0, null])
  })
})

describe.skipIf(isPostgresSkipped)('the container example', () => {
  it('drains, ends its stream and exits at SIGTERM; another replica completes the run, and one job is paid', async () => {
    const [postgres, s3, port, otherPort] = await Promise.all([
      startPostgres(),
      startLoopbackS3(),
      freePort(),
      freePort(),
    ])
    const { user, password, host, database } = postgres.config
    const key = 'alice-0123456789abcdef'
    const variables = {
      VIDEO_BASE_URL: sandbox.videosApi.baseUrl,
      VIDEO_API_KEY: sandbox.videosApi.apiKey,
      DATABASE_URL: `postgres://${user}:${password}@${host}:${postgres.port}/${database}`,
      S3_ENDPOINT: s3.endpoint,
      S3_REGION: 'eu-central-1',
      S3_BUCKET: 'my-videos',
      S3_ACCESS_KEY_ID: 'AKIAIOSFODNN7EXAMPLE',
      S3_SECRET_ACCESS_KEY: 'the-secret-of-the-keys',
      API_KEYS: `alice:${key}`,
      ALLOW_PRIVATE_ADDRESSES: '127.0.0.1',
      DRAIN_MS: '1000',
      RECOVER_EVERY_MS: '500',
    }
    try {
      const before = creates()
      const first = await start('examples/container/backend.ts', { ...variables, PORT: String(port) })
      const second = await start('examples/container/backend.ts', { ...variables, PORT: String(otherPort) })
      const ended = streamUntilSigterm(first, port, key)
      const status = () => fetch(`http://127.0.0.1:${port}/healthz`).then((answer) => answer.status)
      expect(await status()).toBe(200)
      await vi.waitFor(async () => expect(await status()).toBe(503), PATIENCE)
      const { id, exit, text } = await ended
      expect(exit, first.errors()).toEqual([0, null])
      expect(text).toContain('the pipeline was closed')
      const { video } = await completed(otherPort, key, id)
      expect(String((video as { readonly url?: string }).url)).toContain(`${s3.endpoint}/my-videos/videos/`)
      expect(creates() - before).toBe(1)

      const doctor = await examined(variables)
      expect(doctor.problems).toEqual([])
      expect(doctor.services).toEqual([
        expect.objectContaining({ stage: 'generate', outcome: 'ok', isChecked: true }),
        expect.objectContaining({
          stage: 'upload',
          url: `${s3.endpoint}/my-videos`,
          outcome: 'ok',
          isChecked: true,
        }),
      ])
      expect(doctor.store).toMatchObject({ isReached: true })
      expect(await terminate(second), second.errors()).toEqual([0, null])
    } finally {
      await postgres.close()
      await s3.close()
    }
  })

  it('names every variable that is missing', async () => {
    await expect(start('examples/container/backend.ts', { DATABASE_URL: '', API_KEYS: 'x' })).rejects.toThrow(
      /these variables are not set:[\s\S]*\n {2}DATABASE_URL: the PostgreSQL of the runs[\s\S]*\n {2}S3_BUCKET: /,
    )
  })
})

async function examined(variables: Readonly<Record<string, string>>) {
  const project = await operatorProject()
  try {
    const { stdout, stderr } = await project.command(
      ['doctor', '--config', resolve('examples/container/config.ts'), '--json'],
      variables,
    )
    expect(stdout + stderr).not.toContain('the-secret-of-the-keys')
    return JSON.parse(stdout)
  } finally {
    await project.remove()
  }
}
