import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { OpenAI } from 'openai'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { type Sandbox, startSandbox } from '../../src/sandbox/index.js'
import { inspectMp4 } from '../sandbox/inspect-mp4.js'
import { freePort } from '../support/free-port.js'
import { visitPage } from './page-visitor.js'

// The whole backends of the examples as processes, with the official client and their page, on a sandbox that outlives them.

const ALICE = 'alice-0123456789abcdef'
const BOB = 'bob-0123456789abcdef'
const PATIENCE = { timeout: 30_000, interval: 50 }

interface Backend {
  readonly process: ChildProcess
  readonly lines: readonly string[]
  readonly origin: string
}

describe.each(['express', 'hono'])('the backend on %s', (name) => {
  let folder: string
  let sandbox: Sandbox
  let port: number
  let backend: Backend

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sora-pipeline-backend-'))
    sandbox = await startSandbox()
    port = await freePort()
    backend = await startBackend()
  })
  afterAll(async () => {
    await stop(backend)
    await sandbox.close()
    await rm(folder, { recursive: true, force: true })
  })

  const startBackend = () =>
    start(name, folder, {
      PORT: String(port),
      VIDEO_BASE_URL: sandbox.videosApi.baseUrl,
      VIDEO_API_KEY: sandbox.videosApi.apiKey,
      API_KEYS: `alice:${ALICE},bob:${BOB}`,
    })
  const client = (apiKey: string) => new OpenAI({ baseURL: `${backend.origin}/v1`, apiKey, maxRetries: 0 })
  const creates = () => sandbox.requestsTo('videos.create').length

  it('streams a chat completion whose URL is served by the backend and plays', async () => {
    const chunks = await client(ALICE).chat.completions.create({
      model: 'sora-1.0',
      messages: [{ role: 'user', content: 'A cat playing piano' }],
      stream: true,
    })
    const contents: (string | null | undefined)[] = []
    for await (const { choices } of chunks) contents.push(choices[0]?.delta.content)
    expect(contents.length).toBeGreaterThan(2)
    const url = contents.at(-1) ?? ''
    expect(url.startsWith(`${backend.origin}/videos/video_`), url).toBe(true)
    const answer = await fetch(url, { headers: { range: 'bytes=0-' } })
    expect([answer.status, answer.headers.get('content-type')]).toEqual([206, 'video/mp4'])
    expect(await inspectMp4(await answer.bytes())).toMatchObject({ codec: 'avc', width: 640, durationSeconds: 4 })
  })

  it('shows each owner only their own videos, and refuses an unknown key, in every form', async () => {
    const { data } = await client(ALICE).videos.list()
    expect(data.length).toBeGreaterThan(0)
    expect((await client(BOB).videos.list()).data).toEqual([])
    await expect(client(BOB).videos.retrieve(data[0]?.id ?? '')).rejects.toBeInstanceOf(OpenAI.NotFoundError)
    await expect(client('a-key-of-no-one-at-all').videos.list()).rejects.toBeInstanceOf(OpenAI.AuthenticationError)
    for (const cookie of ['', 'key=', 'key=%', 'key=a-key-of-no-one-at-all', `other=${ALICE}`]) {
      expect((await fetch(`${backend.origin}/v1/videos`, { headers: { cookie } })).status).toBe(401)
    }
    const body = new URLSearchParams({ key: 'a-key-of-no-one-at-all' })
    const refused = await fetch(`${backend.origin}/session`, { method: 'POST', body })
    expect([refused.status, refused.headers.get('set-cookie')]).toEqual([401, null])
  })

  it('ends at SIGTERM in the middle of a run; the next process completes it for its page and its client, and one job is paid', async () => {
    const before = creates()
    const body = new URLSearchParams({ key: BOB })
    const session = await fetch(`${backend.origin}/session`, { method: 'POST', body, redirect: 'manual' })
    expect([session.status, session.headers.get('location')]).toEqual([303, '/'])
    expect(session.headers.get('set-cookie')).toMatch(/^key=[\w-]+; Path=\/; HttpOnly; SameSite=Strict$/)
    const page = await visitPage(backend.origin, session.headers.get('set-cookie')?.split(';')[0] ?? '')
    await page.submit('request', { prompt: 'A dog on a beach' })
    await vi.waitFor(() => expect(page.element('text').textContent).toMatch(/^generate in_progress \d s$/), PATIENCE)
    const [video] = (await client(BOB).videos.list()).data
    expect(video).toMatchObject({ prompt: 'A dog on a beach', completed_at: null })

    const former = backend
    const stoppedAt = performance.now()
    expect(await stop(former)).toEqual([0, null])
    expect(performance.now() - stoppedAt).toBeLessThan(10_000)
    expect(String(page.element('text').textContent)).not.toBe('done')
    backend = await startBackend()
    expect(backend.lines).toContain(`listening on ${backend.origin}, recovered 1 runs`)

    await vi.waitFor(() => expect(page.element('text').textContent).toBe('done'), PATIENCE)
    const completed = await client(BOB).videos.retrieve(video?.id ?? '')
    expect(completed).toMatchObject({ status: 'completed', url: page.element('video').src })
    page.leave()
    const answer = await fetch(String(page.element('video').src))
    expect(await inspectMp4(await answer.bytes())).toMatchObject({ codec: 'avc', durationSeconds: 4 })
    expect(creates() - before).toBe(1)
    expect((await readdir(join(folder, 'videos'))).filter((file) => file.startsWith(video?.id ?? '-'))).toHaveLength(1)
  })

  it('runs without any variable, on its own sandbox with a new key', async () => {
    const own = await mkdtemp(join(folder, 'own-'))
    const alone = await start(name, own, { PORT: String(await freePort()) })
    try {
      const key = await vi.waitFor(() => {
        const [, printed] = /^the key is ([0-9a-f]{32})$/.exec(alone.lines[1] ?? '') ?? []
        if (printed === undefined) throw new Error(`Could not find the key: ${alone.lines}`)
        return printed
      }, PATIENCE)
      const stranger = new OpenAI({ baseURL: `${alone.origin}/v1`, apiKey: ALICE, maxRetries: 0 })
      await expect(stranger.videos.list()).rejects.toBeInstanceOf(OpenAI.AuthenticationError)
      expect((await stranger.withOptions({ apiKey: key }).videos.list()).data).toEqual([])
    } finally {
      expect(await stop(alone)).toEqual([0, null])
    }
  })

  it.each(['alice', 'alice:short', ':0123456789abcdef', ''])('does not start with API_KEYS=%j', async (keys) => {
    await expect(start(name, folder, { API_KEYS: keys })).rejects.toThrow('Could not read API_KEYS')
  })
})

async function start(name: string, folder: string, variables: Readonly<Record<string, string>>): Promise<Backend> {
  const file = resolve(`examples/backend/${name}.ts`)
  const env = { ...process.env, DATA_DIRECTORY: folder, ...variables }
  const child = spawn(process.execPath, [file], { env, cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] })
  let errors = ''
  child.stderr.on('data', (bytes: Buffer) => {
    errors += bytes.toString()
  })
  const lines: string[] = []
  const reader = createInterface(child.stdout).on('line', (line) => lines.push(line))
  const ended = once(child, 'close').then(() => {
    throw new Error(`Could not start the backend: ${errors}`)
  })
  await Promise.race([once(reader, 'line'), ended])
  ended.catch(() => undefined)
  const origin = /^listening on (\S+), /.exec(lines[0] ?? '')?.[1] ?? ''
  return { process: child, lines, origin }
}

async function stop({ process: child }: Backend): Promise<unknown> {
  const exit = once(child, 'exit')
  child.kill('SIGTERM')
  return exit
}
