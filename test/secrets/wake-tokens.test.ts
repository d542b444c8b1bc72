import { describe, expect, it } from 'vitest'
import { createWakeUrl } from '../../src/http/index.js'
import { memoryStore, SoraPipeline } from '../../src/index.js'
import { videosApiGenerator } from '../../src/strategies/index.js'
import { collect } from '../support/collect.js'
import { loopbackServer, type SeenRequest } from '../upstream/loopback-server.js'

const wakeUrl = createWakeUrl({ baseUrl: 'https://video.example/v1', contentSecret: 'a-secret-of-the-tests' })
const TOKEN = wakeUrl('run_1').split('/').at(-1) ?? ''

type Answer = { readonly status: number; readonly body: object }

const callbackOf = ({ body }: SeenRequest) => (JSON.parse(body.toString()) as { callback_url: string }).callback_url

// What an upstream may say about the address, in answer to the submission and to each poll.
const ECHOES: readonly (readonly [string, (url: string) => Answer, (url: string) => Answer])[] = [
  [
    'a refusal',
    (url) => ({ status: 400, body: { error: { message: `callback_url ${url} is not reachable` } } }),
    () => ({ status: 404, body: {} }),
  ],
  [
    'a refusal in an escaped form',
    (url) => ({ status: 422, body: { detail: [{ input: encodeURIComponent(url) }] } }),
    () => ({ status: 404, body: {} }),
  ],
  [
    'a page of a proxy',
    (url) => ({ status: 502, body: { title: `error for ${url}` } }),
    () => ({ status: 404, body: {} }),
  ],
  [
    'a job that fails',
    (url) => ({ status: 200, body: { id: 'v_1', status: 'queued', callback_url: url } }),
    (url) => ({
      status: 200,
      body: { id: 'v_1', status: 'failed', error: { message: `the webhook ${url} answered 500` } },
    }),
  ],
  [
    'a poll that fails',
    (url) => ({ status: 200, body: { id: 'v_1', status: `waiting for ${url}` } }),
    (url) => ({ status: 400, body: { error: `no such job, its webhook was ${url.split('/').at(-1)}` } }),
  ],
  [
    'the whole job, at its end',
    (url) => ({ status: 200, body: { id: 'v_1', status: 'queued', callback_url: url, metadata: { webhook: url } } }),
    (url) => ({
      status: 200,
      body: { id: 'v_1', status: 'completed', callback_url: url, url: 'https://cdn.example/a.mp4' },
    }),
  ],
]

describe('the token of a webhook address', () => {
  it.each(ECHOES)(
    'that an upstream repeats in %s is in no event, error, state or record',
    async (_, started, polled) => {
      let callback = ''
      const server = await loopbackServer((sent, response) => {
        if (sent.method === 'POST') callback = callbackOf(sent)
        const { status, body } = sent.method === 'POST' ? started(callback) : polled(callback)
        response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
      })
      const store = memoryStore()
      const generator = videosApiGenerator({ baseUrl: `${server.origin}/v1`, callbackField: 'callback_url' })
      const pipeline = new SoraPipeline({ generator, store, wakeUrl, pollSchedule: () => 5 })
      const run = pipeline.run({ prompt: 'A cat' }, { id: 'run_1' })
      const events = await collect(run)
      const outcome: unknown = await run.result.catch((error: unknown) => error)
      expect(callback).toBe(wakeUrl('run_1'))
      const thrown = outcome instanceof Error ? [outcome.message, outcome.stack, String(outcome.cause)] : []
      const state = await store.load('run_1')
      const seen = JSON.stringify([events, outcome, thrown, state, await pipeline.get('run_1')])
      expect(seen).toContain('run_1')
      for (const part of [TOKEN, TOKEN.slice(-43), encodeURIComponent(TOKEN)]) expect(seen).not.toContain(part)
    },
  )
})
