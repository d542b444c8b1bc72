import { describe, expect, it } from 'vitest'
import { abandonedWebhooks, createHandler, verifyWebhook } from '../../../src/http/index.js'
import { type Generator, memoryStore, type RunStore, SoraPipeline } from '../../../src/index.js'
import { fakeGenerator, fakeTaskGenerator, type ManualClock, manualClock } from '../../../src/testing/index.js'
import { loopbackServer } from '../../upstream/loopback-server.js'

const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'

/** A receiver with an answer of its own for each webhook. */
async function receiver(...statuses: readonly number[]) {
  const received: Awaited<ReturnType<typeof verifyWebhook>>[] = []
  const waiting: { readonly count: number; readonly ring: () => void }[] = []
  const server = await loopbackServer(async (request, response) => {
    received.push(await verifyWebhook(request, { secret: SECRET, toleranceMs: Number.MAX_SAFE_INTEGER }))
    response.writeHead(statuses[received.length - 1] ?? 204).end()
    for (const { count, ring } of waiting) if (received.length >= count) ring()
  })
  const until = (count: number) =>
    new Promise<void>((ring) => {
      if (received.length >= count) ring()
      else waiting.push({ count, ring })
    })
  return { url: `${server.origin}/hook?token=secret`, host: new URL(server.origin).host, received, until }
}

/** Processes over one store. One with a clock of its own is dead: its clock stands still. */
function machines() {
  const clock = manualClock({ now: Date.now() })
  const kept = memoryStore({ clock })
  const saves = { webhooks: 0 }
  const store: RunStore = {
    ...kept,
    saveNote: async (...given) => {
      const version = await kept.saveNote?.(...given)
      if (given[0] === 'webhooks' && version !== undefined) saves.webhooks += 1
      return version
    },
  }
  const machine = (own: ManualClock = clock, generator: Generator = fakeGenerator(), given: RunStore = store) => {
    const pipeline = new SoraPipeline({ generator, store: given, clock: own, pollSchedule: () => 1000, leaseMs: 1000 })
    const errors: unknown[] = []
    const handler = createHandler(pipeline, {
      public: true,
      webhookSecret: SECRET,
      webhookAllowPrivateAddresses: ['127.0.0.1'],
      clock: own,
      onError: (error) => errors.push(error),
    })
    const create = async (webhook_url: string, signal?: AbortSignal) => {
      const body = JSON.stringify({ prompt: 'A cat', webhook_url })
      const headers = { 'content-type': 'application/json' }
      const init = { method: 'POST', headers, body, ...(signal && { signal }) }
      const answer = await handler(new Request('http://backend.example/v1/videos', init))
      return { status: answer.status, id: answer.headers.get('x-run-id') ?? '' }
    }
    return { pipeline, create, errors }
  }
  return { clock, store, machine, saves }
}

const settled = async () => {
  for (let turn = 0; turn < 50; turn += 1) await new Promise((resolve) => setImmediate(resolve))
}

/** Lets time pass until a process sends the webhook, and no longer: its lease is short. */
async function untilSent(clock: ManualClock, store: RunStore, id: string): Promise<void> {
  for (let seconds = 0; seconds < 200; seconds += 2) {
    const kept = await store.readNote?.('webhooks', id)
    if ((kept?.value as { state?: unknown } | undefined)?.state !== 'waiting') return
    await clock.advance(2000)
    await settled()
  }
}

/** Waits until the sender has saved that the webhook of a run needs no further attempt: from then on time may pass. */
const ended = (store: RunStore, id: string) =>
  expect.poll(async () => (await store.readNote?.('webhooks', id))?.value).toMatchObject({ state: 'ended' })

describe('a webhook of a process that died', () => {
  it('while its run was in progress is sent by another one', async () => {
    const { clock, machine, store } = machines()
    const hook = await receiver()
    const dead = manualClock({ now: clock.now() })
    const generator = fakeTaskGenerator({ polls: 1 })
    const { id } = await machine(dead, generator).create(hook.url)
    machine(clock, generator)
    await untilSent(clock, store, id)
    await hook.until(1)
    expect(hook.received).toMatchObject([{ type: 'video.completed', data: { id } }])
  })

  it('between two attempts is continued with its id, after its lease', async () => {
    const { clock, machine, store, saves } = machines()
    const hook = await receiver(500, 204)
    const dead = manualClock({ now: clock.now() })
    const { id } = await machine(dead).create(hook.url)
    await hook.until(1)
    // Kept, claimed, and released by the attempt that failed.
    await expect.poll(() => saves.webhooks).toBe(3)
    machine(clock)
    await clock.advance(15_000)
    await settled()
    expect(hook.received).toHaveLength(1)
    await clock.advance(20_000)
    await hook.until(2)
    expect(new Set(hook.received.map((event) => event.id)).size).toBe(1)
    expect(hook.received.map(({ data }) => data.id)).toEqual([id, id])
    await ended(store, id)
    await clock.advance(60_000)
    await settled()
    expect(hook.received).toHaveLength(2)
  })

  it('is sent by one of several that live', async () => {
    const { clock, machine, store } = machines()
    const hook = await receiver()
    const generator = fakeTaskGenerator({ polls: 1 })
    const { id } = await machine(manualClock({ now: clock.now() }), generator).create(hook.url)
    for (let count = 0; count < 5; count += 1) machine(clock, generator)
    await untilSent(clock, store, id)
    await hook.until(1)
    await ended(store, id)
    await clock.advance(300_000)
    await settled()
    expect(hook.received).toHaveLength(1)
    expect(await abandonedWebhooks(store)).toEqual([])
  })

  it('before it created the run is dropped', async () => {
    const { clock, machine, store } = machines()
    const { saveNote } = store
    const value = { url: 'http://127.0.0.1:9/', owner: 'everybody', state: 'waiting', attempts: 0 }
    await saveNote?.('webhooks', 'video_1', 0, { value, dueInMs: 30_000, expiresInMs: 60_000_000 })
    const { errors } = machine()
    await clock.advance(40_000)
    await settled()
    expect(await store.readNote?.('webhooks', 'video_1')).toBeUndefined()
    expect(errors).toEqual([])
  })
})

describe('a webhook', () => {
  it('is sent for a client that disconnected before it was answered', async () => {
    const { machine } = machines()
    const hook = await receiver()
    const client = new AbortController()
    const [begun, finished] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const generate = async () => {
      begun.resolve()
      await finished.promise
      return { id: 'gen_1', url: 'https://cdn.example/a.mp4' }
    }
    const answer = machine(undefined, { name: 'slow', generate }).create(hook.url, client.signal)
    await begun.promise
    client.abort(new Error('gone'))
    await answer
    finished.resolve()
    await hook.until(1)
    expect(hook.received).toHaveLength(1)
  })

  it('is not sent for a request that was refused', async () => {
    const { clock, machine, store } = machines()
    const hook = await receiver()
    const error = Object.assign(new Error('no'), { status: 400 })
    const { create } = machine(clock, fakeGenerator({ outcome: error }))
    expect((await create(hook.url)).status).toBeGreaterThanOrEqual(400)
    machine()
    await clock.advance(120_000)
    await settled()
    expect(hook.received).toEqual([])
    expect(await store.dueNotes?.('webhooks', 10)).toEqual([])
  })

  it('that is given up is listed, page by page, with its host only', async () => {
    const { machine, store } = machines()
    const hook = await receiver(410, 410)
    const { create, errors } = machine()
    const first = await create(hook.url)
    const second = await create(hook.url)
    await hook.until(2)
    await expect.poll(() => errors.length).toBe(2)
    const all = await abandonedWebhooks(store)
    expect(all.map(({ runId }) => runId).sort()).toEqual([first.id, second.id].sort())
    expect(all[0]).toMatchObject({ owner: 'everybody', host: hook.host, outcome: 'gone', attempts: 1 })
    expect(all[0]?.webhookId).toMatch(/^evt_/)
    expect(JSON.stringify(all)).not.toContain('token')
    const [one] = await abandonedWebhooks(store, { limit: 1 })
    expect(await abandonedWebhooks(store, { after: one?.runId ?? '' })).toEqual(all.slice(1))
  })

  it('that is given up cannot be listed without a store that keeps it', async () => {
    const { readNote: _read, ...store } = memoryStore()
    await expect(abandonedWebhooks(store)).rejects.toMatchObject({ code: 'configuration-invalid' })
    await expect(abandonedWebhooks(memoryStore(), { limit: 0 })).rejects.toMatchObject({ code: 'request-invalid' })
  })

  it('waits in the store no longer than the pipeline is open', async () => {
    const { clock, machine, store } = machines()
    let reads = 0
    const counted: RunStore = {
      ...store,
      dueNotes: (...given) => {
        reads += 1
        return store.dueNotes?.(...given) ?? Promise.resolve([])
      },
    }
    const { pipeline } = machine(clock, fakeGenerator(), counted)
    await clock.advance(6000)
    expect(reads).toBe(1)
    await pipeline.close()
    await clock.advance(60_000)
    expect(reads).toBe(1)
  })
})
