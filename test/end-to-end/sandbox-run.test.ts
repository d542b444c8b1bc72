import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  fallback,
  type PipelineEvent,
  paceSchedule,
  SoraPipeline,
  type SoraPipelineOptions,
  toChatCompletionChunks,
  toSse,
} from '../../src/index.js'
import { type Fault, type FaultPlans, type Sandbox, startSandbox } from '../../src/sandbox/index.js'
import { directoryUploader, mirrorResolver, originalResolver, videosApiGenerator } from '../../src/strategies/index.js'
import { inspectMp4 } from '../sandbox/inspect-mp4.js'
import { collect } from '../support/collect.js'

const CANARY = 'sk-canary-8c1f3e5a7b9d0246'
const request = { prompt: 'A cat playing piano', durationSeconds: 1, size: '160x96' }
const pollSchedule = paceSchedule({ firstMs: 40, floorMs: 40, blindMs: 80, ceilMs: 120 })

let sandbox: Sandbox
let directory: string
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sora-pipeline-'))
  sandbox = await startSandbox({ speed: 20, apiKey: CANARY, files: { directory } })
})
afterAll(async () => {
  await sandbox.close()
  await rm(directory, { recursive: true, force: true })
})

function parts() {
  return {
    generator: videosApiGenerator({ ...sandbox.videosApi, timeoutMs: 300, createTimeoutMs: 500 }),
    resolver: mirrorResolver({ hosts: sandbox.mirrors, path: '/MP4/{videoId}.mp4', timeoutMs: 300 }),
    uploader: directoryUploader({ directory, publicBaseUrl: sandbox.files.baseUrl }),
    pollSchedule,
    allowPrivateAddresses: ['127.0.0.1'],
  } satisfies SoraPipelineOptions
}

/** Runs with faults, and returns its outcome and the requests of the upstream. */
async function runWith(faults: FaultPlans, options: Partial<SoraPipelineOptions> = {}) {
  sandbox.clearFaults()
  sandbox.setFaults(faults)
  const seen = sandbox.requests.length
  const run = new SoraPipeline({ ...parts(), ...options }).run(request)
  const outcome = await run.result.then(
    (result) => ({ result, error: undefined }),
    (error: unknown) => ({ result: undefined, error }),
  )
  const events = await collect(run)
  const requests = sandbox.requests.slice(seen)
  const count = (endpoint: string) => requests.filter((logged) => logged.endpoint === endpoint).length
  return { ...outcome, events, creates: count('videos.create'), polls: count('videos.retrieve'), count }
}

const warnings = (events: readonly PipelineEvent[]) => events.filter(({ type }) => type === 'warning')

describe('the main job on real HTTP', () => {
  it('ends with a real MP4 at the URL, past a dead mirror', async () => {
    const { result, events, creates } = await runWith({ 'mirror-1': { kind: 'reset' } })
    expect(result).toMatchObject({ servedBy: 'uploader', isDegraded: false })
    expect(creates).toBe(1)
    const answer = await fetch(result?.url ?? '')
    const bytes = await answer.bytes()
    expect(answer.headers.get('content-type')).toBe('video/mp4')
    expect(await readFile(join(directory, result?.uploaded?.id ?? ''))).toEqual(Buffer.from(bytes))
    const video = await inspectMp4(bytes)
    expect(video).toMatchObject({ codec: 'avc', width: 160, height: 96 })
    expect(video.durationSeconds).toBeCloseTo(1, 2)
    expect(video.packets).toHaveLength(12)
    const mirrors = sandbox.mirrors.map((origin) => `mirror:${new URL(origin).host}`)
    expect(events).toContainEqual(
      expect.objectContaining({ type: 'attempt-failed', stage: 'resolve', strategy: mirrors[0] }),
    )
    expect(events).toContainEqual(
      expect.objectContaining({ type: 'fallback-taken', stage: 'resolve', strategy: mirrors[0], next: mirrors[1] }),
    )
  })

  it.each<[string, Fault]>([
    ['500', { kind: 'status', status: 500 }],
    ['429', { kind: 'rate-limit' }],
    ['a reset', { kind: 'reset' }],
    ['a reset in the body', { kind: 'reset', when: 'in-body' }],
    ['a hang', { kind: 'hang' }],
    ['a hang in the body', { kind: 'hang-body' }],
    ['HTML', { kind: 'html' }],
    ['truncated JSON', { kind: 'truncated-json' }],
    ['503', { kind: 'status', status: 503 }],
    ['404 just after the create', { kind: 'status', status: 404 }],
  ])('loses one poll and not the job to %s', async (_, fault) => {
    const { result, events, creates, polls } = await runWith({ 'videos.retrieve': [fault] })
    expect(result).toMatchObject({ servedBy: 'uploader', isDegraded: false })
    expect(warnings(events)).toMatchObject([{ code: 'poll-missed', stage: 'generate' }])
    expect(creates).toBe(1)
    expect(polls).toBeGreaterThan(1)
  })

  it('waits as long as the rate limit of a poll requires', async () => {
    const { events } = await runWith({ 'videos.retrieve': [{ kind: 'rate-limit', retryAfterSeconds: 1 }] })
    const polls = sandbox.requestsTo('videos.retrieve')
    const limited = polls.findLastIndex(({ status }) => status === 429)
    expect((polls[limited + 1]?.at ?? 0) - (polls[limited]?.at ?? 0)).toBeGreaterThanOrEqual(1000)
    expect(events.at(-1)?.type).toBe('run-completed')
  })

  it.each<[string, Fault]>([
    ['a reset after it was sent', { kind: 'reset' }],
    ['a reset after it was accepted', { kind: 'reset', when: 'after-handling' }],
    ['a reset in the answer', { kind: 'reset', when: 'in-body' }],
    ['a hang', { kind: 'hang' }],
    ['a hang after it was accepted', { kind: 'hang', when: 'after-handling' }],
    ['half of an answer', { kind: 'truncated-json' }],
    ['HTML', { kind: 'html' }],
    ['500', { kind: 'status', status: 500 }],
    ['502', { kind: 'status', status: 502 }],
    ['a redirect', { kind: 'status', status: 307, headers: { location: '/v1/videos' } }],
  ])('ends a create that met %s as an unknown submission, with exactly one create', async (_, fault) => {
    const first = videosApiGenerator({ ...sandbox.videosApi, name: 'first', createTimeoutMs: 300 })
    const second = videosApiGenerator({ ...sandbox.videosApi, name: 'second' })
    const { error, events, creates } = await runWith({ 'videos.create': fault }, { generator: fallback(first, second) })
    expect(error).toMatchObject({ code: 'submission-unknown', strategy: 'first', stage: 'generate' })
    expect(creates).toBe(1)
    expect(events.at(-1)).toMatchObject({ type: 'run-failed', upstream: { state: 'unknown', generator: 'first' } })
  })

  it.each([400, 401, 402, 403, 404, 422, 429, 503])(
    'goes to the next generator after a create was refused with %i',
    async (status) => {
      const first = videosApiGenerator({ ...sandbox.videosApi, name: 'first' })
      const second = videosApiGenerator({ ...sandbox.videosApi, name: 'second' })
      const { result, creates } = await runWith(
        { 'videos.create': [{ kind: 'status', status }] },
        { generator: fallback(first, second) },
      )
      expect(result?.attempts.filter(({ stage }) => stage === 'generate')).toMatchObject([
        { strategy: 'first', outcome: 'failed' },
        { strategy: 'second', outcome: 'succeeded' },
      ])
      expect(creates).toBe(2)
    },
  )

  it('cancels the job at the server on an abort', async () => {
    sandbox.clearFaults()
    const run = new SoraPipeline(parts()).run({ ...request, durationSeconds: 20, size: '640x360' })
    for await (const event of run) if (event.type === 'stage-progressed') break
    const before = sandbox.requestsTo('videos.delete').length
    await run.cancel(new Error('the user left'))
    await expect(run.result).rejects.toThrow('the user left')
    expect((await collect(run)).at(-1)).toMatchObject({ isAborted: true, upstream: { state: 'cancelled' } })
    expect(sandbox.requestsTo('videos.delete')).toHaveLength(before + 1)
  })

  it.each<[string, FaultPlans, string]>([
    [
      'every mirror is dead',
      { 'mirror-1': { kind: 'reset' }, 'mirror-2': { kind: 'hang' }, 'mirror-3': { kind: 'html' } },
      'uploader',
    ],
    [
      'the mirror breaks off while it is copied',
      {
        'mirror-1': [null, ...Array.from({ length: 20 }, () => ({ kind: 'reset', when: 'in-body' }) as const)],
      },
      'resolver',
    ],
  ])('completes when %s', async (_, faults, servedBy) => {
    const { result } = await runWith(faults)
    expect(result).toMatchObject({ servedBy, isDegraded: true })
  })

  it('fails with the source at hand when only the API behind its key is left', async () => {
    const { error } = await runWith({}, { resolver: originalResolver(), uploader: undefined })
    expect(error).toMatchObject({ code: 'no-usable-url', handle: { generator: 'videos-api' } })
    const { source } = error as { source: { open(): Promise<ReadableStream<Uint8Array>> } }
    expect((await inspectMp4(await new Response(await source.open()).bytes())).packets).toHaveLength(12)
  })

  it.each(['moderation-blocked', 'generation-failed'])('reports a job that failed with %s', async (word) => {
    sandbox.clearFaults()
    const run = new SoraPipeline(parts()).run({ ...request, prompt: `a ${word} cat` })
    await expect(run.result).rejects.toMatchObject({
      code: word === 'moderation-blocked' ? 'content-rejected' : 'generation-failed',
    })
    const frames = await new Response(toSse(toChatCompletionChunks(run))).text()
    expect(frames).toContain(word === 'moderation-blocked' ? '"content_policy_violation"' : '"generation_failed"')
    expect(frames.trimEnd().endsWith('data: [DONE]')).toBe(true)
  })

  it('lets no key into errors, events and results over every fault of every endpoint', async () => {
    const faults: Fault[] = [
      { kind: 'status', status: 401, body: { error: { message: `Incorrect API key provided: ${CANARY}` } } },
      { kind: 'status', status: 500, body: `<h1>Bearer ${CANARY}</h1>` },
      { kind: 'status', status: 302, headers: { location: `https://other.example/?key=${CANARY}` } },
      { kind: 'reset' },
      { kind: 'html' },
      { kind: 'truncated-json' },
    ]
    const endpoints = ['videos.create', 'videos.retrieve', 'videos.content', 'mirror-1'] as const
    for (const fault of faults) {
      for (const endpoint of endpoints) {
        const { error, events, result } = await runWith({ [endpoint]: fault }, { deadlines: { generateMs: 400 } })
        expect(inspect([error, result], { depth: 12, showHidden: true })).not.toContain(CANARY)
        expect(JSON.stringify([error, events, result])).not.toContain(CANARY)
      }
    }
    expect(
      sandbox.requests.filter(({ endpoint, headers }) => endpoint.startsWith('mirror') && headers.authorization),
    ).toEqual([])
  }, 60_000)
})
