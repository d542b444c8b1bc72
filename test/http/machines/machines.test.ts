import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { type ScriptProcess, startScript } from '../../stores/processes.js'
import type { ServerKind } from '../../stores/servers/open-server-store.ts'
import { type OwnServer, startServer } from '../../stores/servers/own-server.js'
import { isPostgresSkipped } from '../../stores/servers/postgres-server.js'
import { isRedisSkipped } from '../../stores/servers/redis-server.js'
import { type EventStream, openEvents } from './event-stream.js'
import { startUpstream, VIDEO } from './upstream.js'

const kinds: readonly (readonly [kind: ServerKind, isSkipped: boolean])[] = [
  ['pg', isPostgresSkipped],
  ['ioredis', isRedisSkipped],
  ['redis', isRedisSkipped],
]
const JSON_TYPE = { 'content-type': 'application/json' }
const video = { model: 'sora-2', prompt: 'A cat playing piano' }
const chat = { model: 'sora-2', stream: true, messages: [{ role: 'user', content: 'A cat playing piano' }] }

describe.each(kinds)('two HTTP processes over one store, %s', (kind, isSkipped) => {
  let server: OwnServer
  let count = 0

  beforeAll(async () => {
    if (!isSkipped) server = await startServer(kind)
  })
  afterAll(() => server?.close())

  async function doors() {
    count += 1
    const place = server.place(`doors_${count}`)
    const upstream = await startUpstream()
    const start = async () => {
      const child = startScript('http/machines/door.ts', { kind, place, baseUrl: upstream.baseUrl, pollMs: 100 })
      const port = await child.next((printed) => typeof printed === 'number')
      return { child, url: `http://127.0.0.1:${port}/v1` }
    }
    const both = await Promise.all([start(), start()])
    onTestFinished(async () => {
      for (const { child } of both) await stopped(child)
      await upstream.close()
    })
    return { upstream, a: both[0], b: both[1] }
  }

  const create = async (url: string, headers: object = {}) => {
    const response = await fetch(`${url}/videos`, {
      method: 'POST',
      headers: { ...JSON_TYPE, ...headers },
      body: JSON.stringify(video),
    })
    return (await response.json()) as { id: string; status: string }
  }

  const listen = async (url: string, id: string, lastId?: string): Promise<EventStream> => {
    const events = await openEvents(`${url}/videos/${id}/events`, lastId)
    onTestFinished(() => events.close())
    return events
  }

  it.skipIf(isSkipped)('recognise an Idempotency-Key on each, also of requests at once', async () => {
    const { upstream, a, b } = await doors()
    const key = { 'idempotency-key': 'order-17' }
    const answers = await Promise.all([a, b, a, b].map(({ url }) => create(url, key)))
    expect(new Set(answers.map(({ id }) => id)).size).toBe(1)
    expect((await create(b.url, key)).id).toBe(answers[0]?.id)
    expect(upstream.creates).toBe(1)
    const other = await fetch(`${b.url}/videos`, {
      method: 'POST',
      headers: { ...JSON_TYPE, ...key },
      body: JSON.stringify({ ...video, prompt: 'A dog' }),
    })
    expect(other.status).toBe(409)
  })

  it.skipIf(isSkipped)(
    'stream a run of the other, which a cut stream resumes on the other by Last-Event-ID',
    async () => {
      const { upstream, a, b } = await doors()
      const { id } = await create(a.url)
      const first = await listen(b.url, id)
      await first.until((events) => events.filter(({ event }) => event === 'stage-progressed').length > 1)
      expect(first.events[0]).toMatchObject({ event: 'run-started', data: { sequence: 0 } })
      first.close()
      const lastId = String(first.events.at(-1)?.id)
      const rests = [await listen(a.url, id, lastId), await listen(b.url, id, lastId)]
      await rests[0]?.until((events) => events.length > 1)
      upstream.finish()
      for (const rest of rests) {
        await rest.until((events) => events.at(-1)?.event === 'run-completed')
        await rest.ended
      }
      const numbers = (stream: EventStream | undefined) => (stream?.events ?? []).map(({ data }) => data.sequence)
      const [onA, onB] = [numbers(rests[0]), numbers(rests[1])]
      expect(Math.min(...onA, ...onB)).toBeGreaterThan(Math.max(...numbers(first)))
      // The other process sees at most one event of progress a second.
      expect(onA).toEqual(expect.arrayContaining([...onB]))
      expect((await listen(b.url, id)).status).toBe(200)
      expect(upstream.creates).toBe(1)
    },
  )

  it.skipIf(isSkipped)('let a cut chat stream be sent again to the other, and give the video on each', async () => {
    const { upstream, a, b } = await doors()
    const headers = { ...JSON_TYPE, 'idempotency-key': 'chat-1' }
    const send = (url: string, signal?: AbortSignal) =>
      fetch(`${url}/chat/completions`, {
        method: 'POST',
        headers,
        body: JSON.stringify(chat),
        ...(signal && { signal }),
      })
    const cut = new AbortController()
    const first = await send(a.url, cut.signal)
    const id = first.headers.get('x-run-id')
    await first.body?.getReader().read()
    cut.abort()
    const second = await send(b.url)
    expect(second.headers.get('x-run-id')).toBe(id)
    upstream.finish()
    const text = await second.text()
    expect(text).toContain('"finish_reason":"stop"')
    expect(text).toContain('data: [DONE]')
    for (const { url } of [a, b]) {
      const content = await fetch(`${url}/videos/${id}/content`)
      expect(Buffer.from(await content.arrayBuffer())).toEqual(VIDEO)
    }
    expect(upstream.creates).toBe(1)
  })

  it.skipIf(isSkipped)('continue a stream, and its run, when the process that works on it is killed', async () => {
    const { upstream, a, b } = await doors()
    const { id } = await create(a.url)
    const events = await listen(b.url, id)
    await events.until((seen) => seen.some(({ event }) => event === 'stage-progressed'))
    await a.child.kill()
    await events.until((seen) => seen.some(({ event }) => event === 'run-resumed'))
    upstream.finish()
    await events.until((seen) => seen.at(-1)?.event === 'run-completed')
    expect(events.events.find(({ event }) => event === 'run-resumed')?.data.sequence).toBe(1_000_000)
    expect(upstream.creates).toBe(1)
  })

  it.skipIf(isSkipped)('delete a video that the other works on', async () => {
    const { upstream, a, b } = await doors()
    const { id } = await create(a.url)
    const events = await listen(a.url, id)
    const answer = await fetch(`${b.url}/videos/${id}`, { method: 'DELETE' })
    expect(answer.status).toBe(200)
    await events.until((seen) => seen.at(-1)?.event === 'run-failed')
    expect(events.events.at(-1)?.data).toMatchObject({ isAborted: true, upstream: { state: 'cancelled' } })
    expect(upstream.cancelled).toHaveLength(1)
  })
})

async function stopped({ child, ended }: ScriptProcess): Promise<void> {
  child.stdin?.end()
  await ended
}
