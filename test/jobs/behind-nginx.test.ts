import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { OpenAI } from 'openai'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type PaidProvider, startPaidProvider, VIDEO } from '../kill/paid-provider.js'
import type { QueueTask } from '../kill/queue-process.js'
import { isInstalled as isNginxInstalled, type NginxServer, startNginx } from '../nginx/nginx-server.js'
import { callOpenAi, isPythonLeftOut, pythonTitle } from '../python/python-client.js'
import { type ScriptProcess, startScript } from '../stores/processes.js'
import { type OwnServer, startServer } from '../stores/servers/own-server.js'
import { isPostgresSkipped } from '../stores/servers/postgres-server.js'
import { isRedisSkipped } from '../stores/servers/redis-server.js'
import { eventually } from '../support/eventually.js'

// The official clients know one address: nginx gives each of their requests to the other HTTP process.

const isNginxSkipped = !isNginxInstalled() && process.env.NGINX_REQUIRED !== '1'
if (isNginxSkipped) console.warn('skipped: a queue behind nginx; install nginx-light')

describe.each([
  ['ioredis', isRedisSkipped],
  ['pg', isPostgresSkipped],
] as const)('two HTTP processes behind nginx, with three workers over %s', (kind, isServerSkipped) => {
  const isSkipped = isServerSkipped || isNginxSkipped
  const processes: ScriptProcess[] = []
  let uploads: string
  let server: OwnServer
  let provider: PaidProvider
  let nginx: NginxServer

  beforeAll(async () => {
    if (isSkipped) return
    uploads = await mkdtemp(join(tmpdir(), 'behind-nginx-'))
    server = await startServer(kind)
    provider = await startPaidProvider({ keys: true, uploads })
    const times = { pollMs: 100, leaseMs: 10_000, lockMs: 10_000, sweepMs: 1000 }
    const task = {
      kind,
      place: server.place('nginx'),
      origin: provider.origin,
      mode: 'key',
      uploads,
      ...times,
    } as const
    const start = async (role: QueueTask['role']) => {
      const process = startScript('kill/queue-process.ts', { ...task, role } satisfies QueueTask)
      processes.push(process)
      return process.next((line) => Object(line).ready !== undefined) as Promise<{ readonly ready: number }>
    }
    const [, , , ...doors] = await Promise.all((['worker', 'worker', 'worker', 'http', 'http'] as const).map(start))
    nginx = await startNginx({
      upstream: doors.map(({ ready }) => `http://127.0.0.1:${ready}`),
      directives: 'add_header x-door $upstream_addr always;',
    })
  }, 120_000)
  afterAll(async () => {
    await nginx?.close()
    await Promise.all(processes.map((process) => process.kill()))
    await provider?.close()
    await server?.close()
    if (uploads !== undefined) await rm(uploads, { recursive: true, force: true })
  })

  const options = () => ({ baseURL: `${nginx.origin}/v1`, apiKey: 'any', maxRetries: 0 })
  const doorOf = ({ headers }: Response) => headers.get('x-door')

  test.skipIf(isSkipped)('a video is created on one, and seen, listed and downloaded on each', async () => {
    const { videos } = new OpenAI(options())
    const created = await videos.create({ prompt: 'A cat', seconds: '8' }).withResponse()
    const { id } = created.data
    const seen = await videos.retrieve(id).withResponse()
    expect([doorOf(created.response), doorOf(seen.response)]).toEqual([expect.any(String), expect.any(String)])
    expect(doorOf(seen.response)).not.toBe(doorOf(created.response))
    expect(seen.data).toMatchObject({ id, prompt: 'A cat' })
    await eventually(async () => expect((await videos.retrieve(id)).status).toBe('completed'))
    const downloads = [await videos.downloadContent(id), await videos.downloadContent(id)]
    expect(new Set(downloads.map(doorOf)).size).toBe(2)
    for (const download of downloads) expect(Buffer.from(await download.arrayBuffer())).toEqual(VIDEO)
    const lists = [await videos.list().withResponse(), await videos.list().withResponse()]
    expect(new Set(lists.map(({ response }) => doorOf(response))).size).toBe(2)
    for (const { data } of lists) expect(data.data.map((video) => video.id)).toContain(id)
    expect(provider.paidFor('A cat')).toBe(1)
  })

  test.skipIf(isSkipped)('a chat streams from one, and its run is a video on the other', async () => {
    const client = new OpenAI(options())
    const messages = [{ role: 'user' as const, content: 'A dog' }]
    const { data, response } = await client.chat.completions
      .create({ model: 'sora-1.0', stream: true, messages })
      .withResponse()
    const id = String(response.headers.get('x-run-id'))
    const seen = await client.videos.retrieve(id).withResponse()
    expect(doorOf(seen.response)).not.toBe(doorOf(response))
    const contents: string[] = []
    for await (const { choices } of data) contents.push(choices[0]?.delta.content ?? '')
    expect(contents.at(-1)).toContain(`${provider.origin}/files/`)
    expect((await client.videos.retrieve(id)).status).toBe('completed')
    expect(provider.paidFor('A dog')).toBe(1)
  })

  test.skipIf(isSkipped)('a request that is repeated on the other under its key pays once', async () => {
    const { videos } = new OpenAI(options())
    const headers = { 'idempotency-key': 'order-17' }
    const answers = await Promise.all(
      Array.from({ length: 4 }, () => videos.create({ prompt: 'A bird' }, { headers }).withResponse()),
    )
    expect(new Set(answers.map(({ response }) => doorOf(response))).size).toBe(2)
    expect(new Set(answers.map(({ data }) => data.id)).size).toBe(1)
    const id = String(answers[0]?.data.id)
    await eventually(async () => expect((await videos.retrieve(id)).status).toBe('completed'))
    expect(provider.paidFor('A bird')).toBe(1)
  })

  test.skipIf(isSkipped || isPythonLeftOut)(
    pythonTitle('the official client for Python streams chats, and what it creates is completed on the other'),
    async () => {
      const python = { base_url: options().baseURL, api_key: 'any', max_retries: 0 }
      const chat = (await callOpenAi('chat', python, 'A fox')) as { final: string; finish: string }
      expect(chat).toMatchObject({ finish: 'stop' })
      expect(chat.final).toContain(`${provider.origin}/files/`)
      const created = (await callOpenAi('create', python, 'An owl', '{}')) as { value: string }
      const { videos } = new OpenAI(options())
      await eventually(async () => expect((await videos.retrieve(created.value)).status).toBe('completed'))
      expect(provider.paidFor('An owl')).toBe(1)
    },
  )
})
