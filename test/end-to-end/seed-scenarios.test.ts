import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import {
  fallback,
  type PipelineEvent,
  paceSchedule,
  SoraPipeline,
  type SoraPipelineOptions,
  toChatCompletion,
  toChatCompletionChunks,
  toOpenAiError,
  toSse,
} from '../../src/index.js'
import { type Fault, type FaultPlans, type Sandbox, startSandbox } from '../../src/sandbox/index.js'
import {
  chatCompletionsGenerator,
  googleDriveUploader,
  mirrorResolver,
  originalResolver,
  parseServerResolver,
  soraPublisher,
  url2driveUploader,
} from '../../src/strategies/index.js'
import { inspectMp4 } from '../sandbox/inspect-mp4.js'
import { collect } from '../support/collect.js'

// The scenarios, the troubleshooting cases and the guarantees of the sora2api response format, on its own chain.
const SEED_MODEL = 'sora-1.0'
const request = { prompt: 'A cat playing piano' }
const CDN = /^http:\/\/127\.0\.0\.1:\d+\/MP4\/s_[a-f0-9]{32}\.mp4$/
const DRIVE = /\/file\/d\/[\w-]+\/view$/

let sandbox: Sandbox
beforeAll(async () => {
  sandbox = await startSandbox({ speed: 50 })
})
beforeEach(() => sandbox.clearFaults())
afterAll(() => sandbox.close())

function chain(): SoraPipelineOptions {
  const { chat, posts, mirrors, spaces } = sandbox
  const [first, second] = spaces.map(({ baseUrl, password }, index) =>
    url2driveUploader({ name: `space-${index + 1}`, baseUrl, password, wakeTimeoutMs: 200 }),
  )
  if (first === undefined || second === undefined) throw new Error('Could not find the Spaces')
  return {
    generator: chatCompletionsGenerator({ baseUrl: chat.baseUrl, apiKey: chat.apiKey, model: chat.models[0] ?? '' }),
    publisher: soraPublisher({ baseUrl: posts.baseUrl, apiKey: posts.token, timeoutMs: 400 }),
    resolver: fallback(mirrorResolver({ hosts: mirrors, timeoutMs: 400 }), originalResolver()),
    uploader: fallback(first, second),
    allowPrivateAddresses: ['127.0.0.1'],
    deadlines: { publishMs: 2000, resolveMs: 3000, uploadMs: 3000 },
    pollSchedule: paceSchedule({ firstMs: 40, floorMs: 40 }),
  }
}

const generate = (faults: FaultPlans = {}, prompt = request.prompt) => {
  sandbox.setFaults(faults)
  return new SoraPipeline(chain()).run({ prompt })
}
const everywhere = (endpoints: readonly (keyof FaultPlans)[], fault: Fault): FaultPlans =>
  Object.fromEntries(endpoints.map((endpoint) => [endpoint, fault]))
const MIRRORS = ['mirror-1', 'mirror-2', 'mirror-3'] as const
const SPACES = ['space-1.call', 'space-2.call'] as const

/** The URL serves the bytes of a video that plays. */
async function expectUsable(url: string) {
  const answer = await fetch(url)
  expect(answer.status).toBe(200)
  expect((await inspectMp4(await answer.bytes())).codec).toBe('avc')
}

describe('success scenarios', () => {
  it('1: the upload to Google Drive succeeds and its URL is returned', async () => {
    const run = generate()
    const { url, servedBy, isDegraded, publication } = await run.result
    expect({ servedBy, isDegraded }).toEqual({ servedBy: 'uploader', isDegraded: false })
    expect(url).toMatch(DRIVE)
    expect(publication?.id).toMatch(/^s_[a-f0-9]{32}$/)
    await expectUsable(url)
    const answer = await toChatCompletion(run, { id: 'chatcmpl-abc123', created: 1_703_664_000 })
    expect(answer).toEqual({
      id: 'chatcmpl-abc123',
      object: 'chat.completion',
      created: 1_703_664_000,
      model: SEED_MODEL,
      choices: [{ index: 0, message: { role: 'assistant', content: url }, finish_reason: 'stop' }],
    })
  })

  it('2: Google Drive fails and the CDN URL is returned', async () => {
    const { url, servedBy } = await generate(everywhere(SPACES, { kind: 'status', status: 500 })).result
    expect(servedBy).toBe('resolver')
    expect(url).toMatch(CDN)
    await expectUsable(url)
  })

  it('3: the parsing fails as well and the URL of the generator is returned', async () => {
    const faults = { ...everywhere(MIRRORS, { kind: 'reset' }), ...everywhere(SPACES, { kind: 'reset' }) }
    const { url, video } = await generate(faults).result
    expect(url).toBe(video.url)
    await expectUsable(url)
  })
})

describe('fallbacks', () => {
  it.each([
    [[], 0],
    [['mirror-1'], 1],
    [['mirror-1', 'mirror-2'], 2],
  ] as const)('past dead mirrors %j the next one in order is taken', async (dead, index) => {
    const { resolved } = await generate(everywhere(dead, { kind: 'status', status: 502 })).result
    expect(resolved?.url).toContain(sandbox.mirrors[index])
  })

  it('past the first Space the second is taken', async () => {
    const { attempts, servedBy } = await generate({ 'space-1.call': { kind: 'status', status: 503 } }).result
    expect(servedBy).toBe('uploader')
    expect(attempts.filter(({ stage }) => stage === 'upload')).toMatchObject([
      { strategy: 'space-1', outcome: 'failed' },
      { strategy: 'space-2', outcome: 'succeeded' },
    ])
  })
})

describe('troubleshooting', () => {
  it('1: a failed upload to Google Drive does not disturb the run, and its reason is reported', async () => {
    const [space] = sandbox.spaces
    const wrong = url2driveUploader({ name: 'space-1', baseUrl: space.baseUrl, password: 'wrong-password' })
    const run = new SoraPipeline({ ...chain(), uploader: wrong }).run(request)
    expect(await run.result).toMatchObject({ servedBy: 'resolver', isDegraded: true })
    expect(await collect(run)).toContainEqual(
      expect.objectContaining({
        type: 'stage-failed',
        stage: 'upload',
        error: expect.objectContaining({ code: 'authentication' }),
      }),
    )
  })

  it('2: a CDN that is down or has not synced yet is waited for, or given up for the URL of the generator', async () => {
    const late = { kind: 'not-synced', forMs: 300 } as const
    sandbox.setFaults(everywhere(MIRRORS, late))
    const patient = mirrorResolver({ hosts: sandbox.mirrors, syncTimeoutMs: 5000 })
    const waited = await new SoraPipeline({ ...chain(), resolver: patient, uploader: undefined }).generate(request)
    expect(waited.url).toMatch(CDN)
    const { resolved, video } = await generate(everywhere(MIRRORS, { kind: 'status', status: 404 })).result
    expect(resolved?.url).toBe(video.url)
  })

  it.each([
    ['no-account', 'quota-exceeded', 429, 'insufficient_quota', /credit|quota/],
    ['moderation-blocked', 'content-rejected', 400, 'content_policy_violation', /Change the prompt/],
    ['unsupported-country', 'region-unsupported', 403, 'unsupported_country_region_territory', /country or region/],
    ['heavy-load', 'overloaded', 503, 'overloaded', /wait and send the request again/i],
  ])('3: a failed generation (%s) is reported with what to do', async (word, code, status, openAiCode, advice) => {
    const run = generate({}, `a ${word} cat`)
    const error = await run.result.then(
      () => undefined,
      (failure: unknown) => failure,
    )
    expect(error).toMatchObject({ code })
    const { status: answered, body } = toOpenAiError(error)
    expect({ answered, code: body.error.code }).toEqual({ answered: status, code: openAiCode })
    expect(body.error.message).toMatch(advice)
    const stream = await new Response(toSse(toChatCompletionChunks(run))).text()
    expect(stream).toContain(`"code":"${openAiCode}"`)
  })
})

describe('bad input at a remote', () => {
  const drive = (more: object) => {
    const { baseUrl, accessToken, folderId } = sandbox.drive
    return googleDriveUploader({ baseUrl, accessToken, folderId, ...more })
  }
  const cases: readonly [
    string,
    string,
    () => { faults?: FaultPlans; parts?: Partial<SoraPipelineOptions> },
    RegExp,
  ][] = [
    [
      'a wrong Space password',
      'authentication',
      () => ({
        parts: { uploader: url2driveUploader({ baseUrl: sandbox.spaces[1].baseUrl, password: 'wrong-password' }) },
      }),
      /password/i,
    ],
    [
      'a Drive folder that does not exist',
      'configuration-invalid',
      () => ({ parts: { uploader: drive({ folderId: 'nowhere' }) } }),
      /folderId/,
    ],
    [
      'a token without scope',
      'authentication',
      () => ({
        faults: { 'drive.create': { kind: 'status', status: 403, reason: 'insufficientPermissions' } },
        parts: { uploader: drive({}) },
      }),
      /scope/,
    ],
    [
      'a post API that answers without an id',
      'upstream-response',
      () => ({ faults: { 'posts.create': { kind: 'status', status: 200, body: { post: {} } } } }),
      /post\.id/,
    ],
    [
      'a parse server that answers HTML',
      'upstream-response',
      () => ({
        faults: { parser: { kind: 'html' } },
        parts: { resolver: parseServerResolver({ ...sandbox.parser, allowPrivateAddresses: ['127.0.0.1'] }) },
      }),
      /127\.0\.0\.1/,
    ],
  ]
  it.each(cases)('%s is a typed error, and the run still gives a URL', async (_, code, make, message) => {
    const { faults = {}, parts = {} } = make()
    sandbox.setFaults(faults)
    const run = new SoraPipeline({ ...chain(), ...parts }).run(request)
    const { url, isDegraded } = await run.result
    const failed = (await collect(run)).filter(({ type }) => type === 'attempt-failed')
    expect(failed).toContainEqual(
      expect.objectContaining({ error: expect.objectContaining({ code, message: expect.stringMatching(message) }) }),
    )
    expect(isDegraded).toBe(true)
    sandbox.clearFaults()
    await expectUsable(url)
  })
})

describe('guarantees', () => {
  it('1: once a video was generated, a usable URL is returned, whatever breaks after that', async () => {
    const faults = fc.constantFrom<Fault>(
      { kind: 'status', status: 500 },
      { kind: 'status', status: 404 },
      { kind: 'status', status: 401 },
      { kind: 'rate-limit' },
      { kind: 'reset' },
      { kind: 'reset', when: 'after-handling' },
      { kind: 'reset', when: 'in-body' },
      { kind: 'html' },
      { kind: 'truncated-json' },
      { kind: 'hang' },
    )
    const endpoints = [
      'posts.create',
      ...MIRRORS,
      'space-1.config',
      'space-1.info',
      'space-1.call',
      'space-1.stream',
      'space-2.config',
      'space-2.call',
      'space-2.stream',
    ] as const
    const plans = fc.dictionary(fc.constantFrom(...endpoints), faults, { maxKeys: endpoints.length })
    await fc.assert(
      fc.asyncProperty(plans, async (plan) => {
        sandbox.clearFaults()
        const { url } = await generate(plan as FaultPlans).result
        sandbox.clearFaults()
        await expectUsable(url)
      }),
      { numRuns: 12 },
    )
  }, 120_000)

  it('2: every later stage fails at once and the run completes', async () => {
    const faults = {
      'posts.create': { kind: 'status', status: 500 },
      ...everywhere(MIRRORS, { kind: 'html' }),
      ...everywhere(SPACES, { kind: 'html' }),
    } as const
    const run = generate(faults)
    expect(await run.result).toMatchObject({ isDegraded: true })
    expect((await collect(run)).at(-1)?.type).toBe('run-completed')
  })

  it('3: progress is streamed while it happens', async () => {
    const run = generate()
    const times: number[] = []
    const seen: PipelineEvent[] = []
    for await (const event of run) {
      times.push(Date.now() - event.at)
      seen.push(event)
    }
    expect(seen.filter(({ type }) => type === 'stage-progressed').length).toBeGreaterThan(1)
    expect(Math.max(...times)).toBeLessThan(500)
  })

  it('4: the stream is that of the format, with the texts of the five steps', async () => {
    const run = generate()
    const frames = (await new Response(toSse(toChatCompletionChunks(run))).text()).trim().split('\n\n')
    expect(frames.at(-1)).toBe('data: [DONE]')
    const contents = frames.slice(0, -1).map((frame) => JSON.parse(frame.slice(6)).choices[0].delta.content as string)
    const steps = [
      '🎬 开始生成视频...',
      '✅ 视频生成完成',
      '📤 发布视频获取Post ID...',
      '🔗 解析无水印URL...',
      '☁️ 上传到Google Drive...',
    ]
    expect(contents.filter((content) => steps.includes(content))).toEqual(steps)
    expect(contents.at(-1)).toBe((await run.result).url)
  })

  it('keeps every password and token to its own service', async () => {
    await generate(everywhere(SPACES, { kind: 'status', status: 500 })).result
    const { chat, posts, spaces } = sandbox
    const secrets = [chat.apiKey, posts.token, spaces[0].password]
    const digest = (text: string) => createHash('sha256').update(text).digest('hex').slice(0, 8)
    for (const secret of secrets) {
      const seenAt = sandbox.requests.filter((logged) =>
        JSON.stringify([logged.headers, logged.path, logged.body]).includes(secret),
      )
      const services = new Set(seenAt.map(({ endpoint }) => endpoint.split(/[.-]/)[0]))
      expect([...services], `secret ${digest(secret)}`).toHaveLength(1)
    }
  })
})
