import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as wait } from 'node:timers/promises'
import { OpenAI } from 'openai'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { inspectMp4 } from '../sandbox/inspect-mp4.js'

// The backend of examples/durable as a reader of the README uses it: started, killed, started again.

let directory: string
let upstream: ChildProcess
let backend: ChildProcess
// The variables that the upstream prints.
let settings: Record<string, string>

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sora-pipeline-durable-'))
  const { child, lines } = start('examples/durable/upstream.ts', {})
  upstream = child
  settings = Object.fromEntries((await nextLine(lines)).split(' ').map((variable) => variable.split('=', 2)))
})

afterAll(async () => {
  for (const child of [backend, upstream]) {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
  }
  await rm(directory, { recursive: true, force: true })
})

test('a video in progress when its backend is killed is completed by the next one, and is paid once', async () => {
  const first = await startBackend()
  const { id } = await first.client.videos.create({ prompt: 'A cat playing piano' })
  await untilStatus(first.client, id, 'in_progress')
  backend.kill('SIGKILL')
  expect(await once(backend, 'exit')).toEqual([null, 'SIGKILL'])

  const second = await startBackend()
  expect(second.before).toEqual([`recovered ${id}`])
  await untilStatus(second.client, id, 'completed')
  expect(await nextLine(second.lines)).toContain(`finished ${id}: ${settings.VIDEO_MIRROR}/MP4/video_`)
  const video = await (await second.client.videos.downloadContent(id)).bytes()
  expect((await inspectMp4(video)).codec).toBe('avc')
  const answer = await fetch(`${settings.VIDEO_API_URL}/videos`, {
    headers: { authorization: `Bearer ${settings.VIDEO_API_KEY}` },
  })
  expect(((await answer.json()) as { data: unknown[] }).data).toHaveLength(1)

  backend.kill('SIGTERM')
  expect(await once(backend, 'exit')).toEqual([0, null])
})

async function startBackend() {
  const { child, lines } = start('examples/durable/backend.ts', {
    ...settings,
    PORT: '0',
    RUNS: join(directory, 'runs'),
  })
  backend = child
  const before: string[] = []
  for (;;) {
    const line = await nextLine(lines)
    const [, baseURL] = /^process \d+ serves (\S+), the key is my-key$/.exec(line) ?? []
    if (baseURL !== undefined) return { client: new OpenAI({ baseURL, apiKey: 'my-key' }), before, lines }
    before.push(line)
  }
}

function start(file: string, env: Readonly<Record<string, string>>) {
  const child = spawn(process.execPath, [file], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  return { child, lines: createInterface(child.stdout)[Symbol.asyncIterator]() }
}

async function nextLine(lines: AsyncIterator<string>): Promise<string> {
  const { value, done } = await lines.next()
  if (done === true) throw new Error('Could not read a line: the process ended')
  return value
}

async function untilStatus(client: OpenAI, id: string, wanted: string): Promise<void> {
  for (;;) {
    const { status, error } = await client.videos.retrieve(id)
    if (status === wanted) return
    if (status === 'failed') throw new Error(`Could not wait for the video: ${error?.message}`)
    await wait(200)
  }
}
