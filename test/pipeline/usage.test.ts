import { describe, expect, it } from 'vitest'
import {
  type GeneratedVideo,
  GenerationFailedError,
  type JsonObject,
  memoryStore,
  SoraPipeline,
  type TaskGenerator,
  toChatCompletion,
  toChatCompletionChunks,
} from '../../src/index.js'
import { videosApiGenerator } from '../../src/strategies/index.js'
import { fakeGenerator, fakeTaskGenerator, manualClock } from '../../src/testing/index.js'
import { collect } from '../support/collect.js'
import { loopbackServer } from '../upstream/loopback-server.js'

const request = { prompt: 'A cat playing piano' }
const VIDEO = { id: 'gen_1', url: 'https://cdn.example/a.mp4' }
const usd = (amount: number) => ({ cost: { amount, currency: 'USD' } })

/** A server whose answers to the submission and to polls are given. */
async function pipelineAt(started: Answer, polled: Answer) {
  const server = await loopbackServer(({ method }, response) => {
    const { body, headers = {} } = method === 'POST' ? started : polled
    response.writeHead(200, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))
  })
  const generator = videosApiGenerator({ baseUrl: `${server.origin}/v1`, apiKey: 'canary-key-1' })
  return new SoraPipeline({ generator, pollSchedule: () => 1 })
}

type Answer = { readonly body: object; readonly headers?: Record<string, string> }
const STARTED = { body: { id: 'v_1', status: 'queued' } }
const done = (more: object) => ({ id: 'v_1', status: 'completed', url: 'https://cdn.example/a.mp4', ...more })

describe('what a video cost', () => {
  it.each<[string, Answer, Answer, object | undefined]>([
    ['OpenRouter', STARTED, { body: done({ usage: { cost: 0.4, is_byok: false } }) }, usd(0.4)],
    ['Together', STARTED, { body: done({ outputs: { cost: 0.28, video_url: VIDEO.url } }) }, usd(0.28)],
    ['Replicate', STARTED, { body: done({ metrics: { predict_time: 61.5 } }) }, { seconds: 61.5 }],
    ['xAI', STARTED, { body: done({ usage: { cost_in_usd_ticks: 5_000_000_000 } }) }, usd(0.5)],
    [
      'LiteLLM, in the answer to the submission,',
      {
        body: { ...STARTED.body, usage: { duration_seconds: 8 } },
        headers: { 'x-litellm-response-cost': '0.8' },
      },
      { body: done({}), headers: { 'x-litellm-response-cost': '0.0' } },
      { ...usd(0.8), seconds: 8 },
    ],
    [
      'LiteLLM without a price',
      { ...STARTED, headers: { 'x-litellm-response-cost': 'None' } },
      { body: done({}) },
      undefined,
    ],
    ['a server that reports nothing', STARTED, { body: done({}) }, undefined],
    [
      'a server that repeats the key when it accepts the job',
      { body: { ...STARTED.body, usage: { cost: 1, by: 'canary-key-1' } } },
      { body: done({}) },
      undefined,
    ],
    ['a server that repeats the key', STARTED, { body: done({ usage: { cost: 1, by: 'canary-key-1' } }) }, undefined],
  ])('is read where %s has it, into result, record and list', async (_, started, polled, usage) => {
    const pipeline = await pipelineAt(started, polled)
    const result = await pipeline.generate(request, { owner: 'ann' })
    const [listed] = await pipeline.list({ owner: 'ann' })
    const record = await pipeline.get(result.runId)
    expect([result.usage, record?.usage, record?.result?.usage, listed?.usage]).toEqual([usage, usage, usage, usage])
  })

  it('is that of the submission in another process too, and what comes with the video counts', async () => {
    const clock = manualClock()
    const store = memoryStore({ clock })
    const fake = fakeTaskGenerator({ polls: 1, video: { ...VIDEO, usage: { cost: 0.3 } } })
    const generator: TaskGenerator = {
      ...fake,
      start: async (...given) => ({ ...(await fake.start(...given)), usage: { cost: 0.2, seconds: 8 } }),
    }
    const first = new SoraPipeline({ generator, store, clock, pollSchedule: () => 1000 })
    const { id } = first.run(request)
    await clock.advance(10)
    expect((await first.get(id))?.usage).toEqual({ ...usd(0.2), seconds: 8 })
    await first.close()
    const second = new SoraPipeline({ generator: fake, store, clock, pollSchedule: () => 1000 })
    expect((await clock.runUntil(second.resume(id).result)).usage).toEqual({ ...usd(0.3), seconds: 8 })
  })

  it('is known of a job that failed', async () => {
    const fake = fakeTaskGenerator({ polls: [{ state: 'failed', error: new GenerationFailedError('Could not') }] })
    const generator: TaskGenerator = {
      ...fake,
      start: async (...given) => ({ ...(await fake.start(...given)), usage: { cost: 0.2 } }),
    }
    const pipeline = new SoraPipeline({ generator, pollSchedule: () => 1 })
    const run = pipeline.run(request)
    await expect(run.result).rejects.toMatchObject({ code: 'generation-failed' })
    expect(await pipeline.get(run.id)).toMatchObject({ status: 'failed', usage: usd(0.2) })
  })

  it.each([
    ['a text', 'cheap'],
    ['a list', [1]],
    ['what is not JSON', { at: new Map() }],
    ['null', null],
  ])('is not known from usage of a submission that is %s', async (_, usage) => {
    const fake = fakeTaskGenerator({ polls: 0 })
    const generator: TaskGenerator = {
      ...fake,
      start: async (...given) => ({ ...(await fake.start(...given)), usage: usage as unknown as JsonObject }),
    }
    const result = await new SoraPipeline({ generator, pollSchedule: () => 1 }).generate(request)
    expect(result).not.toHaveProperty('usage')
  })
})

describe('the usage of a chat completion', () => {
  const ended = async (video: GeneratedVideo) =>
    new SoraPipeline({ generator: fakeGenerator({ outcome: () => video }) }).generate(request)
  const TOKENS = { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 }

  it('has the cost where it is known and was requested', async () => {
    const result = await ended({ ...VIDEO, usage: { cost: 0.4, duration_seconds: 8 } })
    const { usage } = await toChatCompletion(result, { usage: 'include' })
    expect(usage).toEqual({ ...TOKENS, cost: 0.4, currency: 'USD', seconds: 8 })
    expect(await toChatCompletion(result)).not.toHaveProperty('usage')
  })

  it('is the same as before where the upstream reports none', async () => {
    const { usage } = await toChatCompletion(await ended(VIDEO), { usage: 'include' })
    expect(JSON.stringify(usage)).toBe(JSON.stringify(TOKENS))
  })

  it('ends a stream as well', async () => {
    const generator = fakeGenerator({ outcome: () => ({ ...VIDEO, usage: { cost: 0.4 } }) })
    const run = new SoraPipeline({ generator }).run(request)
    const chunks = await collect(toChatCompletionChunks(run, { usage: 'include' }))
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { ...TOKENS, cost: 0.4, currency: 'USD' } })
  })
})
