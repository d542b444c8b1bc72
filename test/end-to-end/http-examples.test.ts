import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { setTimeout as wait } from 'node:timers/promises'
import { promisify } from 'node:util'
import { OpenAI } from 'openai'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { inspectMp4 } from '../sandbox/inspect-mp4.js'

// The servers of the examples as users start them, on the built package, with the official client.

const SERVERS = {
  'node:http': 'examples/http/node.ts',
  Express: 'examples/http/express.ts',
  Fastify: 'examples/http/fastify.ts',
  Hono: 'examples/http/hono.ts',
  'Next.js': 'test/end-to-end/next-server.ts',
}
const MESSAGES = [{ role: 'user', content: 'A cat playing piano' }] as const
const URL_OF_A_MIRROR = /^http:\/\/127\.0\.0\.1:\d+\/MP4\/video_\w+\.mp4$/

describe.each(Object.entries(SERVERS))(
  'a backend on %s',
  (_, file) => {
    let server: ChildProcess
    let client: OpenAI

    beforeAll(async () => {
      const child = spawn(process.execPath, [file, '--serve'], { stdio: ['ignore', 'pipe', 'inherit'] })
      server = child
      const [line] = await once(createInterface(child.stdout), 'line')
      const [, baseURL] = /^serving (\S+), the key is my-key$/.exec(line) ?? []
      client = new OpenAI({ baseURL, apiKey: 'my-key', maxRetries: 0 })
    })

    afterAll(async () => {
      server.kill('SIGINT')
      expect(await once(server, 'exit')).toEqual([0, null])
    })

    it.concurrent('makes its own visit and ends', async () => {
      const { stdout, stderr } = await promisify(execFile)(process.execPath, [file])
      expect(stdout).toMatch(/^serving http:\/\/127\.0\.0\.1:\d+\/v1, the key is my-key$/m)
      expect(stdout.split('\n').at(-2)).toMatch(URL_OF_A_MIRROR)
      expect(stderr).toBe('')
    })

    it.concurrent('streams a chat completion', async () => {
      const chunks = await client.chat.completions.create({ model: 'sora-1.0', messages: [...MESSAGES], stream: true })
      const contents: (string | null | undefined)[] = []
      let finish: string | null | undefined
      for await (const { choices } of chunks) {
        contents.push(choices[0]?.delta.content)
        finish = choices[0]?.finish_reason
      }
      expect(contents.length).toBeGreaterThan(2)
      expect(contents.at(-1)).toMatch(URL_OF_A_MIRROR)
      expect(finish).toBe('stop')
    })

    it.concurrent('answers a chat completion as a whole', async () => {
      const { choices } = await client.chat.completions.create({ model: 'sora-1.0', messages: [...MESSAGES] })
      expect(choices[0]?.message.content).toMatch(URL_OF_A_MIRROR)
    })

    it.concurrent('creates a video, which is polled and downloaded, in parts too', async () => {
      const { id, status } = await client.videos.create({
        model: 'sora-2',
        prompt: 'A cat playing piano',
        seconds: '4',
      })
      expect(['queued', 'in_progress']).toContain(status)
      await completed(id)
      const answer = await client.videos.downloadContent(id)
      const bytes = await answer.bytes()
      expect(await inspectMp4(bytes)).toMatchObject({ codec: 'avc', durationSeconds: 4 })
      const part = await client.videos.downloadContent(id, {}, { headers: { range: 'bytes=4-7' } })
      expect([part.status, await part.text()]).toEqual([206, 'ftyp'])
      expect(await client.videos.delete(id)).toMatchObject({ id, deleted: true })
    })

    it.concurrent('continues a video whose chat client disconnected, and gives it under its id', async () => {
      const leaving = new AbortController()
      const answer = await client.chat.completions
        .create({ model: 'sora-1.0', messages: [...MESSAGES], stream: true }, { signal: leaving.signal })
        .asResponse()
      leaving.abort()
      const id = answer.headers.get('x-run-id') ?? ''
      expect(await completed(id)).toMatchObject({ id, object: 'video', error: null })
    })

    it.concurrent('refuses a client without a key, a body that is not JSON, and unknown routes', async () => {
      await expect(client.withOptions({ apiKey: 'wrong' }).models.list()).rejects.toBeInstanceOf(
        OpenAI.AuthenticationError,
      )
      await expect(client.videos.retrieve('video_none')).rejects.toBeInstanceOf(OpenAI.NotFoundError)
      const headers = { 'content-type': 'application/json', authorization: 'Bearer my-key' }
      const answer = await fetch(`${client.baseURL}/chat/completions`, { method: 'POST', headers, body: '{"model":' })
      expect(answer.status).toBe(400)
    })

    async function completed(id: string) {
      for (;;) {
        const video = await client.videos.retrieve(id)
        if (video.status !== 'queued' && video.status !== 'in_progress') {
          expect(video.status).toBe('completed')
          return video
        }
        await wait(100)
      }
    }
  },
  60_000,
)
