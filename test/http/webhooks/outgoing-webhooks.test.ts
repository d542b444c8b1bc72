import { describe, expect, it } from 'vitest'
import { verifyWebhook } from '../../../src/http/index.js'
import { memoryStore, SoraPipeline } from '../../../src/index.js'
import { fakeGenerator, fakeTaskGenerator, manualClock } from '../../../src/testing/index.js'
import { json as answer, loopbackServer } from '../../upstream/loopback-server.js'
import { handlerOf } from '../handler-call.js'

const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
const options = { webhookSecret: SECRET, webhookAllowPrivateAddresses: ['127.0.0.1'] }

/** A receiver that resolves with each webhook, checked by its signature. */
async function receiver() {
  const received: Awaited<ReturnType<typeof verifyWebhook>>[] = []
  let heard: () => void = () => undefined
  const server = await loopbackServer(async (request, response) => {
    received.push(await verifyWebhook(request, { secret: SECRET }))
    response.writeHead(204).end()
    heard()
  })
  const first = new Promise<void>((resolve) => {
    heard = resolve
  })
  return { url: `${server.origin}/hook?token=secret`, received, first }
}

describe('a webhook', () => {
  it('reports a video that is completed, signed', async () => {
    const hook = await receiver()
    const { json } = handlerOf(options)
    const { body } = await json('POST', '/v1/videos', { body: { prompt: 'A cat', webhook_url: hook.url } })
    await hook.first
    expect(hook.received).toMatchObject([{ type: 'video.completed', data: { id: body.id } }])
    expect(hook.received[0]?.id).toMatch(/^evt_[0-9a-f]{32}$/)
  })

  it('reports a video that failed', async () => {
    const hook = await receiver()
    const { json } = handlerOf(options, {
      generator: fakeTaskGenerator({
        polls: [{ state: 'running' }, { state: 'failed', error: new Error('no') as never }],
      }),
    })
    const { body } = await json('POST', '/v1/videos', { body: { prompt: 'A cat', webhook_url: hook.url } })
    await hook.first
    expect(hook.received).toMatchObject([{ type: 'video.failed', data: { id: body.id } }])
  })

  it('reports a video that is only behind a key as completed: this server serves it', async () => {
    const hook = await receiver()
    const source = { isPublic: false, open: async () => new Blob(['x']).stream() }
    const { json } = handlerOf(options, { generator: fakeGenerator({ outcome: { id: 'gen_1', source } }) })
    await json('POST', '/v1/videos', { body: { prompt: 'A cat', webhook_url: hook.url } })
    await hook.first
    expect(hook.received).toMatchObject([{ type: 'video.completed' }])
  })

  it('is sent for a run that another process left, once a client requests it', async () => {
    const hook = await receiver()
    const storeClock = manualClock()
    const store = memoryStore({ clock: storeClock })
    const generator = fakeTaskGenerator({ polls: 1 })
    const dead = manualClock({ now: Date.now() - 600_000 })
    new SoraPipeline({ generator, store, clock: dead, leaseMs: 1000, pollSchedule: () => 1000 }).run(
      { prompt: 'A cat', metadata: { webhook_url: hook.url } },
      { id: 'video_1', owner: 'everybody' },
    )
    await dead.advance(10)
    await storeClock.advance(1000)
    const { json } = handlerOf(options, { store, generator, leaseMs: 1000 })
    await json('GET', '/v1/videos/video_1')
    await hook.first
    expect(hook.received).toMatchObject([{ type: 'video.completed', data: { id: 'video_1' } }])
  })

  it.each([
    ['where webhooks are switched off', {}, 'https://hooks.example/a'],
    ['for a private address', { webhookSecret: SECRET }, 'http://127.0.0.1/a?token=canary'],
    ['for another scheme', { webhookSecret: SECRET }, 'ftp://hooks.example/a'],
  ])('is refused %s, before anything is paid', async (_, refusing, url) => {
    const generator = fakeGenerator()
    const { json } = handlerOf(refusing, { generator })
    const { status, body } = await json('POST', '/v1/videos', { body: { prompt: 'A cat', webhook_url: url } })
    expect([status, body.error.param]).toEqual([400, 'webhook_url'])
    expect(JSON.stringify(body)).not.toContain('canary')
    expect(generator.calls).toEqual([])
  })

  it('is refused before anything is paid when the owner has no secret that can sign', async () => {
    const generator = fakeGenerator()
    const { json, errors } = handlerOf({ webhookSecret: () => '' }, { generator })
    const { status, body } = await json('POST', '/v1/videos', {
      body: { prompt: 'A cat', webhook_url: 'https://hooks.example/a' },
    })
    expect([status, body.error.code]).toEqual([500, 'configuration_error'])
    expect(errors).toHaveLength(1)
    expect(generator.calls).toEqual([])
  })

  it('that is given up is reported to the developer, with no more of the address than its host', async () => {
    let heard: (error: unknown) => void = () => undefined
    const told = new Promise((resolve) => {
      heard = resolve
    })
    const server = await loopbackServer(answer(410, {}))
    const { json } = handlerOf({ ...options, onError: (error) => heard(error) })
    await json('POST', '/v1/videos', { body: { prompt: 'A cat', webhook_url: `${server.origin}/a?token=canary` } })
    const error = await told
    expect(error).toMatchObject({ code: 'upstream-http' })
    expect(String(error)).not.toContain('canary')
  })
})
