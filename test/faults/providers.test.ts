import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import {
  fallback,
  isSoraPipelineError,
  memoryStore,
  paceSchedule,
  SoraPipeline,
  type TaskGenerator,
} from '../../src/index.js'
import type { Fault, FaultPlans, Sandbox, SandboxProviderName } from '../../src/sandbox/index.js'
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
const NAMES = Object.keys(FACTORIES) as SandboxProviderName[]

let sandbox: Sandbox
beforeAll(async () => {
  sandbox = await startSandbox({ speed: 60 })
})
beforeEach(() => sandbox.clearFaults())
afterAll(() => sandbox.close())

/** Runs a request at a provider, with another generator behind it. */
async function play(name: SandboxProviderName, faults: FaultPlans, options: Partial<ProviderGeneratorOptions> = {}) {
  sandbox.setFaults(faults)
  const before = sandbox.requests.length
  const limits = { timeoutMs: 600, createTimeoutMs: 600, allowPrivateAddresses: ['127.0.0.1'] }
  const generator = FACTORIES[name]({
    ...sandbox.providers[name],
    model: name === 'gemini' ? 'veo-3' : 'owner/model',
    ...limits,
    ...options,
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
    creates: seen.filter(({ endpoint }) => endpoint === `${name}.create`).length,
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
  NAMES.flatMap((name) => faults.map((fault) => [name, named(fault), fault] as const))

describe('a submission', () => {
  test.each(cells(REFUSED))('to %s that is refused by %s goes to the next generator', async (name, _, fault) => {
    const { result, creates, paid } = await play(name, { [`${name}.create`]: [fault] })
    expect(result?.attempts.map(({ outcome }) => outcome).slice(0, 2)).toEqual(['failed', 'succeeded'])
    expect([creates, paid]).toEqual([1, 1])
  })

  test.each(cells(UNKNOWN))(
    'to %s whose answer is lost by %s is neither repeated nor paid elsewhere',
    async (name, _, fault) => {
      const isHandled = 'when' in fault || fault.kind === 'hang-body' || fault.kind === 'truncated-json'
      const { result, code, stored, creates, paid } = await play(name, { [`${name}.create`]: [fault] })
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
  test.each(cells(MISSED))('of %s that meets %s costs one poll', async (name, _, fault) => {
    const { result, creates, paid } = await play(name, { [`${name}.poll`]: [fault] })
    expect(result?.url).toMatch(/^http/)
    expect([creates, paid]).toEqual([1, 0])
  })

  test.each(MISSED.map((fault) => [named(fault), fault] as const))(
    'of fal for a result that meets %s costs one poll',
    async (_, fault) => {
      const { result, creates, paid } = await play('fal', { 'fal.result': [fault] })
      expect(result?.url).toMatch(/^http/)
      expect([creates, paid]).toEqual([1, 0])
    },
  )
})

test.each(NAMES)('%s that echoes its key shows it nowhere', async (name) => {
  const { apiKey } = sandbox.providers[name]
  const body = {
    error: { message: `no ${apiKey}` },
    detail: apiKey,
    message: apiKey,
    base_resp: { status_msg: apiKey },
  }
  for (const endpoint of [`${name}.create`, `${name}.poll`]) {
    const { shown } = await play(name, { [endpoint]: [{ kind: 'status', status: 400, body }] })
    expect(shown).not.toContain(apiKey)
    expect(shown).not.toContain(encodeURIComponent(apiKey))
  }
})
