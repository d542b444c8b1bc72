import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import { verifyWebhook } from '../../../src/http/index.js'
import { type ScriptProcess, startScript } from '../../stores/processes.js'
import { type OwnServer, startServer } from '../../stores/servers/own-server.js'
import { isPostgresSkipped } from '../../stores/servers/postgres-server.js'
import { isRedisSkipped } from '../../stores/servers/redis-server.js'
import { loopbackServer } from '../../upstream/loopback-server.js'
import { startUpstream } from './upstream.js'

// What two HTTP processes over one store know together. A case that waits for a lease has all kinds of stores at once.

const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
const JSON_TYPE = { 'content-type': 'application/json' }
const video = { model: 'sora-2', prompt: 'A cat playing piano' }
const chat = { model: 'sora-2', messages: [{ role: 'user', content: 'A cat playing piano' }] }

const servers: OwnServer[] = []
let directory = ''
let count = 0

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sora-shared-'))
  if (!isPostgresSkipped) servers.push(await startServer('pg'))
  if (!isRedisSkipped) servers.push(await startServer('ioredis'))
})
afterAll(async () => {
  for (const server of servers) await server.close()
  await rm(directory, { recursive: true, force: true })
})

/** The store of a case on each kind of server, and in a file. */
function places() {
  count += 1
  const name = `shared_${count}`
  const onServers = servers.map((server) => ({ kind: server.kind, place: server.place(name) }))
  return [...onServers, { kind: 'sqlite' as const, place: join(directory, `${name}.sqlite`) }]
}

/** Two processes over one store. */
async function doors({ kind, place }: ReturnType<typeof places>[number], options: object = {}) {
  const upstream = await startUpstream()
  const children: ScriptProcess[] = []
  onTestFinished(async () => {
    for (const { child, ended } of children) {
      child.stdin?.end()
      await ended
    }
    await upstream.close()
  })
  const start = async () => {
    const task = { kind, place, baseUrl: upstream.baseUrl, pollMs: 100, options }
    const child = startScript('http/machines/door.ts', task)
    children.push(child)
    const port = await child.next((printed) => typeof printed === 'number')
    const post = (path: string, body: object, headers: object = {}) =>
      fetch(`http://127.0.0.1:${port}/v1/${path}`, {
        method: 'POST',
        headers: { ...JSON_TYPE, ...headers },
        body: JSON.stringify(body),
      })
    return { child, post }
  }
  const [a, b] = [await start(), await start()]
  return { upstream, a, b }
}

it('send a webhook of a process that was killed during its retries, under one id', async () => {
  await Promise.all(
    places().map(async (place) => {
      const ids: string[] = []
      const server = await loopbackServer(async (request, response) => {
        ids.push((await verifyWebhook(request, { secret: SECRET })).id)
        // The first attempt gets no answer before its process is killed.
        if (ids.length > 1) response.writeHead(204).end()
      })
      const options = { webhookSecret: SECRET, webhookAllowPrivateAddresses: ['127.0.0.1'] }
      const { upstream, a, b } = await doors(place, options)
      upstream.finish()
      const answer = await a.post('videos', { ...video, webhook_url: `${server.origin}/hook` })
      expect(answer.status, place.kind).toBe(200)
      await expect.poll(() => ids.length).toBe(1)
      await a.child.kill()
      await expect.poll(() => ids.length, { timeout: 50_000 }).toBe(2)
      expect(new Set(ids).size, place.kind).toBe(1)
      expect((await b.post('videos', { ...video, seconds: 'x' })).status).toBe(400)
      expect(ids, place.kind).toHaveLength(2)
    }),
  )
})

it('join the run of an identical request without a key whose process was killed', async () => {
  await Promise.all(
    places().map(async (place) => {
      const { upstream, a, b } = await doors(place)
      const first = a.post('chat/completions', chat).catch(() => undefined)
      // A submission that is not saved yet would be in review.
      await expect.poll(() => upstream.polls).toBeGreaterThan(0)
      await a.child.kill()
      await first
      const second = b.post('chat/completions', chat)
      upstream.finish()
      const answer = await second
      expect(answer.status, place.kind).toBe(200)
      expect(await answer.text()).toContain('/content')
      expect(upstream.creates, place.kind).toBe(1)
    }),
  )
})

it('create one job for retries without a key that arrive at both at once', async () => {
  for (const place of places()) {
    const { upstream, a, b } = await doors(place)
    const retry = { 'x-stainless-retry-count': '1' }
    const answers = await Promise.all([a, b, a, b].map(({ post }) => post('videos', video, retry)))
    const ids = await Promise.all(answers.map(async (answer) => ((await answer.json()) as { id: string }).id))
    expect(new Set(ids).size, place.kind).toBe(1)
    expect(upstream.creates, place.kind).toBe(1)
  }
})

it('limit the unfinished runs of an owner together', async () => {
  for (const place of places()) {
    const { upstream, a, b } = await doors(place, { maxRunsPerOwner: 3 })
    const posts = Array.from({ length: 8 }, (_, index) => (index % 2 ? a : b).post('videos', { prompt: `${index}` }))
    const statuses = (await Promise.all(posts)).map(({ status }) => status)
    expect(
      statuses.filter((status) => status === 200),
      place.kind,
    ).toHaveLength(3)
    expect(
      statuses.filter((status) => status === 429),
      place.kind,
    ).toHaveLength(5)
    expect(upstream.creates, place.kind).toBe(3)
    upstream.finish()
    await expect.poll(async () => (await b.post('videos', video)).status).toBe(200)
  }
})
