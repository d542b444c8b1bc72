import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import { ChatOpenAI } from '@langchain/openai'
import { generateText, streamText } from 'ai'
import OpenAI from 'openai'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { HandlerOptions } from '../../../src/http/index.js'
import { type Fault, type Sandbox, startSandbox } from '../../../src/sandbox/index.js'
import { videosApiGenerator } from '../../../src/strategies/index.js'
import { callOpenAi, isPythonLeftOut, pythonTitle } from '../../python/python-client.js'
import { prompts } from './prompted-generator.js'
import { API_KEY, type Backend, startBackend, startPromptedBackend, VIDEO_URL } from './start-backend.js'
import { thrownBy } from './thrown-by.js'

// Whatever a client does automatically with its own defaults, the upstream is paid once.

let sandbox: Sandbox
beforeAll(async () => {
  sandbox = await startSandbox({ speed: 20 })
})
afterAll(() => sandbox.close())

/** A backend in front of the sandbox, whose submissions fail as specified. */
async function startFaulty(fault: Fault) {
  sandbox.setFaults({ 'videos.create': fault })
  const seen = sandbox.requestsTo('videos.create').length
  const generator = videosApiGenerator({ ...sandbox.videosApi, createTimeoutMs: 200 })
  const backend = await startBackend({ generator })
  const counts = () => ({ asked: backend.arrivals.length, paid: sandbox.requestsTo('videos.create').length - seen })
  return { ...backend, counts }
}

/** A backend whose first client loses its connection while it waits for the video, which is made when the client retries. */
async function startCutting(prompt: string, options?: HandlerOptions) {
  let isCut = false
  const backend = await startPromptedBackend(
    {
      onEvent: ({ type }) => {
        if (type !== 'stage-progressed' || isCut) return
        isCut = true
        for (const socket of backend.sockets) socket.destroy()
      },
    },
    options,
  )
  backend.onArrival(() => {
    if (isCut) backend.generator.goOnAll()
  })
  const counts = () => ({ asked: backend.arrivals.length, paid: backend.generator.requests.length })
  return { ...backend, counts, prompt }
}

const PROMPT = 'A cat playing piano'
const chat = (prompt: string) => ({ model: 'sora-1.0', messages: [{ role: 'user' as const, content: prompt }] })
const openAi = ({ baseUrl }: Backend, more = {}) => new OpenAI({ baseURL: baseUrl, apiKey: API_KEY, ...more })
const aiModel = ({ baseUrl }: Backend) =>
  createOpenAICompatible({ name: 'backend', baseURL: baseUrl, apiKey: API_KEY })('sora-1.0')
const langChain = ({ baseUrl }: Backend) =>
  new ChatOpenAI({ model: 'sora-1.0', apiKey: API_KEY, configuration: { baseURL: baseUrl }, maxRetries: 1 })
const unclear = { status: 502, code: 'submission_unknown' }
const lost: Fault = { kind: 'reset', when: 'after-handling' }

describe('a submission whose outcome is unknown', { timeout: 60_000 }, () => {
  const FAULTS: readonly (readonly [string, Fault])[] = [
    ['cut before it was read', { kind: 'reset', when: 'before-handling' }],
    ['cut after it was read', lost],
    ['not answered', { kind: 'hang', when: 'after-handling' }],
    ['answered by half', { kind: 'truncated-json' }],
    ['answered with 500', { kind: 'status', status: 500 }],
    ['answered with 502', { kind: 'status', status: 502 }],
    ['answered with 504', { kind: 'status', status: 504 }],
  ]
  const CALLS: Readonly<Record<string, (backend: Backend) => Promise<unknown>>> = {
    'videos.create': async (backend) => openAi(backend).videos.create({ prompt: PROMPT }),
    chat: async (backend) => openAi(backend).chat.completions.create(chat(PROMPT)),
    'streamed chat': async (backend) => openAi(backend).chat.completions.create({ ...chat(PROMPT), stream: true }),
  }

  test.each(
    FAULTS.flatMap(([how, fault]) => Object.entries(CALLS).map(([name, call]) => ({ how, fault, name, call }))),
  )('$how: openai sends one request by $name', async ({ fault, call }) => {
    const backend = await startFaulty(fault)
    expect(await thrownBy(call(backend))).toMatchObject(unclear)
    expect(backend.counts()).toEqual({ asked: 1, paid: 1 })
  })

  // Their own pauses, of 2 and 4 s, are waited for.
  test('generateText sends three requests, and is paid for once', async () => {
    const backend = await startFaulty(lost)
    expect(await thrownBy(generateText({ model: aiModel(backend), prompt: PROMPT }))).toMatchObject({
      lastError: { statusCode: 502, data: { error: { code: 'submission_unknown' } } },
    })
    expect(backend.counts()).toEqual({ asked: 3, paid: 1 })
  })

  test('streamText retries, and is paid for once', async () => {
    const backend = await startFaulty(lost)
    const stream = streamText({ model: aiModel(backend), prompt: PROMPT, maxRetries: 1, onError: () => undefined })
    await thrownBy(Promise.resolve(stream.text))
    expect(backend.counts()).toEqual({ asked: 2, paid: 1 })
  })

  test('ChatOpenAI retries, and is paid for once', async () => {
    const backend = await startFaulty(lost)
    expect(await thrownBy(langChain(backend).invoke(PROMPT))).toMatchObject(unclear)
    expect(backend.counts()).toEqual({ asked: 2, paid: 1 })
  })
})

describe('a connection that is cut while the client waits', { timeout: 60_000 }, () => {
  const once = { asked: 2, paid: 1 }

  test('openai gets the video of its first try', async () => {
    const backend = await startCutting(prompts.hold('a cat'))
    const completion = await openAi(backend).chat.completions.create(chat(backend.prompt))
    expect(completion.choices[0]?.message.content).toBe(VIDEO_URL)
    expect(backend.counts()).toEqual(once)
  })

  test('generateText gets the video of its first try', async () => {
    const backend = await startCutting(prompts.hold('a cat'))
    expect((await generateText({ model: aiModel(backend), prompt: backend.prompt })).text).toBe(VIDEO_URL)
    expect(backend.counts()).toEqual(once)
  })

  test('ChatOpenAI gets the video of its first try', async () => {
    const backend = await startCutting(prompts.hold('a cat'))
    expect((await langChain(backend).invoke(backend.prompt)).content).toBe(VIDEO_URL)
    expect(backend.counts()).toEqual(once)
  })

  test('a video is made again where it was cancelled with its client', async () => {
    const backend = await startCutting(prompts.hold('a cat'), { onDisconnect: 'cancel' })
    const completion = await openAi(backend).chat.completions.create(chat(backend.prompt))
    expect(completion.choices[0]?.message.content).toBe(VIDEO_URL)
    expect(backend.counts()).toEqual({ asked: 2, paid: 2 })
  })

  test('videos.create gets the video of its first try, also when the answer was on its way', async () => {
    const backend = await startPromptedBackend()
    backend.cutAnswers(2)
    const { id } = await openAi(backend).videos.create({ prompt: PROMPT })
    expect(backend.arrivals).toHaveLength(3)
    expect(backend.generator.requests).toHaveLength(1)
    const listed = await backend.pipeline.list({ order: 'newest-first', limit: 10 })
    expect(listed.map((record) => record.id)).toEqual([id])
  })

  test('an Idempotency-Key joins the run without any memory of it', async () => {
    const backend = await startPromptedBackend({}, { repeatWindowMs: 0 })
    backend.cutAnswers(1)
    const options = { headers: { 'Idempotency-Key': 'order-1' } }
    const { id } = await openAi(backend).videos.create({ prompt: PROMPT }, options)
    expect((await openAi(backend).videos.create({ prompt: PROMPT }, options)).id).toBe(id)
    expect(backend.arrivals).toHaveLength(3)
    expect(backend.generator.requests).toHaveLength(1)
  })
})

describe('a client that gives up waiting', () => {
  test('gets the same video when it tries again', { timeout: 60_000 }, async () => {
    const backend = await startPromptedBackend()
    backend.onArrival((count) => {
      if (count === 2) backend.generator.goOnAll()
    })
    const client = openAi(backend, { timeout: 500 })
    const completion = await client.chat.completions.create(chat(prompts.hold('a cat')))
    expect(completion.choices[0]?.message.content).toBe(VIDEO_URL)
    expect(backend.generator.requests).toHaveLength(1)
  })
})

describe('what does not count as a retry', () => {
  test('the same request after an answer makes another video', async () => {
    const backend = await startPromptedBackend()
    const first = await openAi(backend).videos.create({ prompt: PROMPT })
    const second = await openAi(backend).videos.create({ prompt: PROMPT })
    expect(second.id).not.toBe(first.id)
    expect(backend.generator.requests).toHaveLength(2)
  })

  test('another prompt, another owner and another route', async () => {
    const backend = await startPromptedBackend({}, { apiKeys: [API_KEY, 'sk-other'] })
    const ask = (client: OpenAI, prompt: string) => thrownBy(client.videos.create({ prompt }))
    const client = openAi(backend)
    await ask(client, prompts.refuse('unknown-submission'))
    await ask(client, prompts.refuse('unknown-submission'))
    expect(backend.generator.requests).toHaveLength(1)
    await ask(client, prompts.refuse('timeout'))
    await ask(openAi(backend, { apiKey: 'sk-other' }), prompts.refuse('unknown-submission'))
    await thrownBy(client.chat.completions.create(chat(prompts.refuse('unknown-submission'))))
    expect(backend.generator.requests).toHaveLength(4)
  })

  test('after an error that proves that nothing was paid, the request is sent again', {
    timeout: 60_000,
  }, async () => {
    const backend = await startPromptedBackend()
    const error = await thrownBy(openAi(backend, { maxRetries: 1 }).videos.create({ prompt: prompts.refuse('busy') }))
    expect(error).toMatchObject({ status: 503 })
    expect(backend.arrivals).toHaveLength(2)
    expect(backend.generator.requests).toHaveLength(2)
  })
})

describe.skipIf(isPythonLeftOut)(pythonTitle('openai for Python'), { timeout: 60_000 }, () => {
  const optionsOf = ({ baseUrl }: Backend) => ({ base_url: baseUrl, api_key: API_KEY })

  test('sends one request when the outcome is unknown', async () => {
    const backend = await startFaulty(lost)
    expect(await callOpenAi('create', optionsOf(backend), PROMPT, '{}')).toMatchObject(unclear)
    expect(backend.counts()).toEqual({ asked: 1, paid: 1 })
  })

  test('gets the video of its first try when the connection is cut', async () => {
    const backend = await startCutting(prompts.hold('a cat'))
    expect(await callOpenAi('ask', optionsOf(backend), backend.prompt, '{}')).toEqual({ value: VIDEO_URL })
    expect(backend.counts()).toEqual({ asked: 2, paid: 1 })
  })

  test('joins the run of its Idempotency-Key', async () => {
    const backend = await startPromptedBackend({}, { repeatWindowMs: 0 })
    backend.cutAnswers(1)
    const made = await callOpenAi('create', optionsOf(backend), PROMPT, '{"Idempotency-Key":"order-1"}')
    expect(made).toEqual({ value: expect.stringMatching(/^video_/) })
    expect(backend.arrivals).toHaveLength(2)
    expect(backend.generator.requests).toHaveLength(1)
  })
})
