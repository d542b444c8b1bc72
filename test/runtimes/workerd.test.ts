import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Sandbox, startSandbox } from '../../src/sandbox/index.js'
import { type PackedProject, packedProject } from '../end-to-end/packed-project.js'
import { executableOf, isLeftOut, runtimeTitle } from './installed.js'

const isSkipped = isLeftOut('workerd')
const fileOf = (name: string) => resolve('test/runtimes', name)
let packed: PackedProject
let sandbox: Sandbox
let workerd: ChildProcess
let origin: string

// Bundled as the tools of workerd do it: one module, with those of Node left to the runtime.
beforeAll(async () => {
  if (isSkipped) return
  packed = await packedProject()
  sandbox = await startSandbox({ speed: 20 })
  await copyFile(fileOf('workerd-program.ts'), join(packed.folder, 'worker.ts'))
  await copyFile(fileOf('workerd.capnp'), join(packed.folder, 'workerd.capnp'))
  const options = ['--bundle', '--format=esm', '--conditions=workerd,worker,browser', '--external:node:*']
  await promisify(execFile)(resolve('node_modules/.bin/esbuild'), ['worker.ts', ...options, '--outfile=worker.js'], {
    cwd: packed.folder,
  })
  const { videosApi, mirrors } = sandbox
  workerd = spawn(executableOf('workerd'), ['serve', 'workerd.capnp', '--control-fd=3'], {
    cwd: packed.folder,
    stdio: ['ignore', 'inherit', 'inherit', 'pipe'],
    env: { ...process.env, SANDBOX: JSON.stringify({ videosApi, mirrors }) },
  })
  const [line] = await once(createInterface({ input: workerd.stdio[3] as Readable }), 'line')
  origin = `http://127.0.0.1:${JSON.parse(line).port}`
}, 60_000)
afterAll(async () => {
  if (isSkipped) return
  const exit = once(workerd, 'exit')
  workerd.kill('SIGKILL')
  await exit
  await sandbox.close()
  await packed.remove()
})

const test = (title: string, body: () => Promise<void>) => {
  it.skipIf(isSkipped)(runtimeTitle('workerd', `workerd ${title}`), body)
}
const get = async (path: string) => (await fetch(`${origin}${path}`)).text()
const typeOf = async (response: Response) => Buffer.from(await response.arrayBuffer()).toString('latin1', 4, 8)
const send = (path: string, body?: FormData | string) =>
  fetch(`${origin}${path}`, {
    headers: {
      authorization: 'Bearer my-key',
      ...(typeof body === 'string' && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { method: 'POST', body }),
  })

test('imports every subpath without parts of Node that it lacks', async () => {
  const names: readonly (readonly string[])[] = JSON.parse(await get('/imports'))
  for (const name of ['pipelineFromSettings', 'sqliteStore', 'googleDriveUploader', 'manualClock']) {
    expect(names.flat()).toContain(name)
  }
})

test('generates a video', async () => {
  const { url } = JSON.parse(await get('/generate'))
  expect(await typeOf(await fetch(url))).toBe('ftyp')
})

test('streams a run to a chat client', async () => {
  expect(await get('/stream')).toMatch(/"content":"http:[^"]+\.mp4"[^\n]+"stop"[^\n]+\n\ndata: \[DONE\]\n\n$/)
})

test('opens no address that is private by its name', async () => {
  expect(await get('/private')).toContain('localhost is not a public address on an allowed port')
})

test('serves a backend from a Durable Object, with forms and media', async () => {
  const form = new FormData()
  for (const [name, value] of Object.entries({ prompt: 'A dog', seconds: '4', size: '64x64' })) form.set(name, value)
  form.set('input_reference', new File([new Uint8Array([0xff, 0xd8, 0xff, 0xe0, 1, 2, 3])], 'a.jpg'))
  const created = await send('/v1/videos', form)
  let video = (await created.json()) as { readonly id: string; readonly status: string }
  expect(video).toMatchObject({ prompt: 'A dog', seconds: '4', size: '64x64' })
  await expect
    .poll(
      async () => {
        video = (await (await send(`/v1/videos/${video.id}`)).json()) as typeof video
        return video.status
      },
      { timeout: 20_000 },
    )
    .toBe('completed')
  expect(await typeOf(await send(`/v1/videos/${video.id}/content`))).toBe('ftyp')
  const chat = { model: 'sora-1.0', stream: true, messages: [{ role: 'user', content: 'A cat' }] }
  expect(await (await send('/v1/chat/completions', JSON.stringify(chat))).text()).toMatch(/\.mp4.*\n\ndata: \[DONE\]/s)
  expect((await fetch(`${origin}/v1/models`)).status).toBe(401)
})

test('reports what is wrong with a form', async () => {
  const form = new FormData()
  form.set('prompt', 'A dog')
  form.set('seconds', 'soon')
  const refused = await send('/v1/videos', form)
  expect([refused.status, await refused.json()]).toMatchObject([400, { error: { param: 'seconds' } }])
})
