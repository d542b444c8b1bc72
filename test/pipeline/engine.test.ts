import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { PipelineEvent, SoraPipeline } from '../../src/index.js'

const missing = new Error("Cannot find module './engine-parts.js'")
const ENGINE = '../../src/pipeline/engine-parts.js'

/** A pipeline of a program that has no other part of the library. */
async function pipelineAlone() {
  const { SoraPipeline } = await import('../../src/pipeline/sora-pipeline.js')
  const prompts: string[] = []
  const generator = {
    name: 'mock',
    generate: async ({ prompt }: { readonly prompt: string }) => {
      prompts.push(prompt)
      return { id: 'gen_1', url: 'https://cdn.example/a.mp4' }
    },
  }
  return { pipeline: new SoraPipeline({ generator, onEvent: ({ type }) => heard.push(type) }), prompts }
}

let heard: string[] = []

async function eventsOf(run: ReturnType<SoraPipeline['run']>): Promise<readonly PipelineEvent[]> {
  const events: PipelineEvent[] = []
  for await (const event of run) events.push(event)
  return events
}

beforeEach(() => {
  heard = []
  vi.resetModules()
})

describe('an engine that is loaded later', () => {
  it('is loaded by the first call, once for all of them', async () => {
    let loads = 0
    vi.doMock(ENGINE, async (original) => {
      loads += 1
      return original()
    })
    const { pipeline, prompts } = await pipelineAlone()
    const [first, second] = [pipeline.run({ prompt: 'A cat' }, { id: 'run_1' }), pipeline.generate({ prompt: 'A dog' })]
    expect([first.id, prompts, loads]).toEqual(['run_1', [], 0])
    expect((await first.result).url).toBe('https://cdn.example/a.mp4')
    expect((await second).servedBy).toBe('generator')
    expect(await pipeline.list()).toHaveLength(2)
    expect([loads, prompts.toSorted()]).toEqual([1, ['A cat', 'A dog']])
  })

  it('joins, aborts and closes before it is loaded', async () => {
    const { pipeline, prompts } = await pipelineAlone()
    const run = pipeline.run({ prompt: 'A cat' }, { id: 'run_1' })
    expect(pipeline.run({ prompt: 'A cat' }, { id: 'run_1' })).toBe(run)
    const reason = new Error('the user left')
    const cancelled = run.cancel(reason)
    await expect(run.result).rejects.toBe(reason)
    await cancelled
    expect((await eventsOf(run)).at(-1)).toMatchObject({ type: 'run-failed', isAborted: true })
    expect(prompts).toEqual([])
    await pipeline.close()
    expect(() => pipeline.run({ prompt: 'A cat' })).toThrow('Could not start a run: the pipeline is closed')
  })

  it('of a pipeline that is closed at once submits nothing', async () => {
    const { pipeline, prompts } = await pipelineAlone()
    const run = pipeline.run({ prompt: 'A cat' })
    await pipeline.close({ graceMs: 0 })
    await expect(run.result).rejects.toMatchObject({ code: 'run-state' })
    expect(prompts).toEqual([])
  })
})

describe('an engine that a program provides', () => {
  /** The outcome of a run, and whether it was sent in the turn of the call. */
  const providing = async (load: () => unknown) => {
    const { provideModules } = await import('../../src/contracts/module-now.js')
    provideModules((name) => (name === 'engine' ? { engineParts: load() } : undefined))
    const { pipeline, prompts } = await pipelineAlone()
    const run = pipeline.run({ prompt: 'A cat' })
    for (let turn = 0; turn < 100; turn += 1) await undefined
    const isSentAtOnce = prompts.length > 0
    return { isSentAtOnce, servedBy: (await run.result).servedBy }
  }

  it('is used in the turn of the call', async () => {
    const { engineParts } = await import('../../src/pipeline/engine-parts.js')
    expect(await providing(() => engineParts)).toEqual({ isSentAtOnce: true, servedBy: 'generator' })
  })

  it.each([
    ['is of another copy of the library', () => ({ PipelineEngine: undefined, RunStateError: class extends Error {} })],
    ['is no engine', () => undefined],
    [
      'throws',
      () => {
        throw missing
      },
    ],
  ])('and that %s is imported instead', async (_, load) => {
    expect(await providing(load)).toMatchObject({ servedBy: 'generator' })
  })
})

describe('an engine that cannot be loaded', () => {
  beforeEach(() => {
    vi.doMock(ENGINE, () => {
      throw missing
    })
  })
  afterEach(() => {
    vi.doUnmock(ENGINE)
  })
  const failure = {
    name: 'RunStateError',
    code: 'run-state',
    isRetryable: true,
    reason: 'a part of the library cannot be loaded',
    message:
      'Could not start the engine of the pipeline, nothing was sent: a part of the library cannot be loaded; restart the process',
  }

  it('ends a run before anything is saved or sent, and is loaded by a later one', async () => {
    const { pipeline, prompts } = await pipelineAlone()
    const run = pipeline.run({ prompt: 'A cat' }, { id: 'run_1' })
    await expect(run.result).rejects.toMatchObject(failure)
    expect((await eventsOf(run)).map(({ type }) => type)).toEqual(['run-started', 'run-failed'])
    expect(heard).toEqual(['run-started', 'run-failed'])
    expect(prompts).toEqual([])
    vi.doUnmock(ENGINE)
    expect(await pipeline.get('run_1')).toBe(undefined)
    expect((await pipeline.generate({ prompt: 'A cat' }, { id: 'run_1' })).servedBy).toBe('generator')
  })

  it('rejects every other call, and none throws', async () => {
    const { pipeline } = await pipelineAlone()
    const handle = { generator: 'mock', operation: 'job_1', startedAt: 0 }
    const calls = [
      pipeline.create({ prompt: 'A cat' }),
      pipeline.due(),
      pipeline.advance('run_1'),
      pipeline.wake('run_1'),
      pipeline.get('run_1'),
      pipeline.inspect('run_1'),
      pipeline.list(),
      pipeline.openVideo('run_1'),
      pipeline.remove('run_1'),
      pipeline.recover(),
      pipeline.retry('run_1'),
      pipeline.settle('run_1', 'not-submitted'),
      pipeline.adopt(handle),
      pipeline.prune({ endedBefore: 0 }),
      pipeline.erase('run_1'),
      pipeline.diagnose(),
    ]
    const outcomes = await Promise.allSettled(calls)
    for (const outcome of outcomes) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: { ...failure, cause: expect.anything() } })
    }
    const { followRun } = await import('../../src/pipeline/stored-events/follow-run.js')
    const { memoryStore } = await import('../../src/stores/memory-store.js')
    const followed = followRun(memoryStore(), 'run_1')
    await expect(followed.result).rejects.toMatchObject(failure)
    await pipeline.close()
    expect(pipeline.isClosing).toBe(true)
  })
})

it('an engine that is there at once starts a run in the turn of its call', async () => {
  const { SoraPipeline } = await import('../../src/index.js')
  let isSent = false
  const generator = {
    name: 'mock',
    generate: async () => {
      isSent = true
      return { id: 'gen_1', url: 'https://cdn.example/a.mp4' }
    },
  }
  vi.useFakeTimers()
  const run = new SoraPipeline({ generator }).run({ prompt: 'A cat' })
  await vi.advanceTimersByTimeAsync(0)
  expect(isSent).toBe(true)
  await run.result
  vi.useRealTimers()
})
