import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import {
  fallback,
  isSoraPipelineError,
  memoryStore,
  paceSchedule,
  SoraPipeline,
  type TaskGenerator,
} from '../../src/index.js'
import type {
  Fault,
  FaultPlans,
  Sandbox,
  SandboxEndpoint,
  SandboxProviderName,
  SandboxVideosDialect,
} from '../../src/sandbox/index.js'
import { startSandbox } from '../../src/sandbox/index.js'
import {
  arkGenerator,
  dashscopeGenerator,
  falGenerator,
  geminiVideoGenerator,
  minimaxGenerator,
  type ProviderGeneratorOptions,
  replicateGenerator,
  runwayGenerator,
  videosApiGenerator,
} from '../../src/strategies/index.js'
import { fakeGenerator, fakeUploader } from '../../src/testing/index.js'

const FACTORIES: Readonly<Record<SandboxProviderName, (options: ProviderGeneratorOptions) => TaskGenerator>> = {
  fal: (options) => falGenerator(options),
  replicate: (options) => replicateGenerator(options),
  gemini: ({ imageUrls: _, ...options }) => geminiVideoGenerator(options),
  dashscope: (options) => dashscopeGenerator(options),
  ark: (options) => arkGenerator(options),
  minimax: (options) => minimaxGenerator({ ...options, settleMs: 0 }),
  runway: (options) => runwayGenerator({ ...options }),
}
const DIALECTS = ['openai', 'openrouter', 'litellm', 'vllm-omni', 'sglang', 'new-api'] as const

/** A generator at its strict fake. */
interface Subject {
  readonly name: string
  readonly sandbox: () => Sandbox
  readonly create: SandboxEndpoint
  readonly poll: SandboxEndpoint
  readonly generator: (limits: Limits) => TaskGenerator
}
type Limits = Pick<ProviderGeneratorOptions, 'timeoutMs' | 'createTimeoutMs' | 'allowPrivateAddresses'>

const sandboxes = new Map<'providers' | SandboxVideosDialect, Sandbox>()
const sandboxOf = (key: 'providers' | SandboxVideosDialect) => sandboxes.get(key) as Sandbox

const atProvider = (provider: SandboxProviderName, model: string, name: string = provider): Subject => ({
  name,
  sandbox: () => sandboxOf('providers'),
  create: `${provider}.create`,
  poll: `${provider}.poll`,
  generator: (limits) => FACTORIES[provider]({ ...sandboxOf('providers').providers[provider], model, ...limits }),
})
const inDialect = (dialect: SandboxVideosDialect): Subject => ({
  name: `videosApiGenerator for ${dialect}`,
  sandbox: () => sandboxOf(dialect),
  create: 'videos.create',
  poll: 'videos.retrieve',
  generator: (limits) => videosApiGenerator({ ...sandboxOf(dialect).videosApi, dialect, model: 'wan-3', ...limits }),
})
const SUBJECTS: readonly Subject[] = [
  ...(Object.keys(FACTORIES) as SandboxProviderName[]).map((name) =>
    atProvider(name, name === 'gemini' ? 'veo-3' : 'owner/model'),
  ),
  atProvider('gemini', 'gemini-omni-1.1-flash', 'gemini omni'),
  ...DIALECTS.map(inDialect),
]
const FAL = SUBJECTS[0] as Subject

beforeAll(async () => {
  sandboxes.set('providers', await startSandbox({ speed: 60 }))
  for (const dialect of DIALECTS) {
    sandboxes.set(dialect, await startSandbox({ speed: 60, videosDialect: dialect }))
  }
})
beforeEach(() => {
  for (const sandbox of sandboxes.values()) sandbox.clearFaults()
})
afterAll(async () => {
  for (const sandbox of sandboxes.values()) await sandbox.close()
})

/** Runs a request at a strict fake, with another generator behind it. */
async function play(subject: Subject, faults: FaultPlans) {
  const sandbox = subject.sandbox()
  sandbox.setFaults(faults)
  const before = sandbox.requests.length
  const generator = subject.generator({
    timeoutMs: 600,
    createTimeoutMs: 600,
    allowPrivateAddresses: ['127.0.0.1'],
  })
  const second = fakeGenerator({ name: 'second' })
  const store = memoryStore()
  const pipeline = new SoraPipeline({
    generator: fallback(generator, second),
    uploader: fakeUploader(),
    store,
    // Runway asks for five seconds between two polls.
    clock: hurried(),
    pollSchedule: paceSchedule({ firstMs: 30, floorMs: 30, ceilMs: 60, blindMs: 60 }),
  })
  const run = pipeline.run({ prompt: `A cat ${Math.random()}`, durationSeconds: 1 })
  const { result, error } = await run.result.then(
    (value) => ({ result: value, error: undefined }),
    (reason: unknown) => ({ result: undefined, error: reason }),
  )
  const seen = sandbox.requests.slice(before)
  return {
    result,
    error,
    code: isSoraPipelineError(error) ? error.code : undefined,
    stored: (await store.load(run.id))?.state.status,
    creates: seen.filter(({ endpoint }) => endpoint === subject.create).length,
    paid: second.calls.length,
    shown: JSON.stringify([result, error, run.id, await store.load(run.id)]),
  }
}

// Waits between 100 ms and 15 s take 100 ms. Longer ones are time limits, which a busy machine needs.
function hurried() {
  const sleep = (ms: number, { signal }: { signal?: AbortSignal } = {}) =>
    new Promise<void>((resolve, reject) => {
      const timer = setTimeout(resolve, ms > 15_000 ? ms : Math.min(ms, 100))
      signal?.addEventListener('abort', () => {
        clearTimeout(timer)
        reject(signal.reason)
      })
    })
  return { now: Date.now, monotonic: () => performance.now(), sleep }
}

const REFUSED: readonly Fault[] = [
  { kind: 'status', status: 400 },
  { kind: 'status', status: 402 },
  { kind: 'rate-limit', retryAfterSeconds: 1 },
  { kind: 'status', status: 503 },
]
const UNKNOWN: readonly Fault[] = [
  { kind: 'reset', when: 'after-handling' },
  { kind: 'reset', when: 'in-body' },
  { kind: 'hang', when: 'after-handling' },
  { kind: 'hang-body' },
  { kind: 'truncated-json' },
  { kind: 'html' },
  { kind: 'status', status: 500 },
  { kind: 'status', status: 502 },
  { kind: 'status', status: 409 },
  { kind: 'status', status: 302 },
]
const MISSED: readonly Fault[] = [
  { kind: 'reset' },
  { kind: 'hang' },
  { kind: 'hang-body' },
  { kind: 'truncated-json' },
  { kind: 'html' },
  { kind: 'rate-limit' },
  { kind: 'status', status: 500 },
  { kind: 'status', status: 503 },
  { kind: 'status', status: 404 },
]
const named = (fault: Fault) => JSON.stringify(fault)
const cells = (faults: readonly Fault[]) =>
  SUBJECTS.flatMap((subject) => faults.map((fault) => [subject.name, named(fault), fault, subject] as const))

describe('a submission', () => {
  test.each(cells(REFUSED))(
    'to %s that is refused by %s goes to the next generator',
    async (_name, _, fault, subject) => {
      const { result, creates, paid } = await play(subject, { [subject.create]: [fault] })
      expect(result?.attempts.map(({ outcome }) => outcome).slice(0, 2)).toEqual(['failed', 'succeeded'])
      expect([creates, paid]).toEqual([1, 1])
    },
  )

  test.each(cells(UNKNOWN))(
    'to %s whose answer is lost by %s is neither repeated nor paid elsewhere',
    async (name, _, fault, subject) => {
      const isHandled = 'when' in fault || fault.kind === 'hang-body' || fault.kind === 'truncated-json'
      const { result, code, stored, creates, paid } = await play(subject, { [subject.create]: [fault] })
      expect(paid).toBe(0)
      if (name === 'minimax') {
        // Found in the list, or surely absent and sent again.
        expect(result?.video.id).toBeDefined()
        expect(creates).toBe(isHandled ? 1 : 2)
      } else {
        expect([code, stored, creates]).toEqual(['submission-unknown', 'needs-review', 1])
      }
    },
  )
})

describe('a poll', () => {
  test.each(cells(MISSED))('of %s that meets %s costs one poll', async (_name, _, fault, subject) => {
    const { result, creates, paid } = await play(subject, { [subject.poll]: [fault] })
    expect(result?.url).toMatch(/^http/)
    expect([creates, paid]).toEqual([1, 0])
  })

  test.each(MISSED.map((fault) => [named(fault), fault] as const))(
    'of fal for a result that meets %s costs one poll',
    async (_, fault) => {
      const { result, creates, paid } = await play(FAL, { 'fal.result': [fault] })
      expect(result?.url).toMatch(/^http/)
      expect([creates, paid]).toEqual([1, 0])
    },
  )
})

test.each(SUBJECTS)('$name that echoes its key shows it nowhere', async (subject) => {
  const { providers, videosApi } = subject.sandbox()
  const apiKey = subject.create === 'videos.create' ? videosApi.apiKey : providers.fal.apiKey
  const body = {
    error: { message: `no ${apiKey}` },
    detail: apiKey,
    message: apiKey,
    base_resp: { status_msg: apiKey },
  }
  for (const endpoint of [subject.create, subject.poll]) {
    const { shown } = await play(subject, { [endpoint]: [{ kind: 'status', status: 400, body }] })
    expect(shown).not.toContain(apiKey)
    expect(shown).not.toContain(encodeURIComponent(apiKey))
  }
})
