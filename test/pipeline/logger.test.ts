import pino from 'pino'
import { describe, expect, it } from 'vitest'
import { fallback, type LogFields, type Logger, NetworkError, SoraPipeline } from '../../src/index.js'
import { fakeGenerator, fakeTaskGenerator, fakeUploader } from '../../src/testing/index.js'
import { collect } from '../support/collect.js'

const REQUEST = { prompt: 'A cat of the canary' }

type Line = readonly [level: string, ...given: readonly unknown[]]

function recorder(extra: object = {}) {
  const lines: Line[] = []
  const write =
    (level: string) =>
    (...given: readonly unknown[]) => {
      lines.push([level, ...given])
    }
  const logger = {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    ...extra,
  } as unknown as Logger
  return { lines, logger }
}

describe('a logger', () => {
  it('gets one line for each event, with its level and fields, and nothing of progress', async () => {
    const { lines, logger } = recorder()
    const url = 'https://store.example/a.mp4?signature=canary'
    const pipeline = new SoraPipeline({
      generator: fakeTaskGenerator({ polls: 5 }),
      uploader: fallback(fakeUploader({ name: 'down', outcome: new NetworkError('Could not reach it') }), {
        name: 'up',
        upload: async () => ({ url }),
      }),
      logger,
      pollSchedule: () => 0,
    })
    const run = pipeline.run(REQUEST, { id: 'run_1' })
    await run.result
    expect(lines.map(([level, message]) => `${level} ${message}`)).toEqual([
      'info Run started',
      'info Stage completed: generate',
      'debug Stage skipped: publish',
      'debug Stage skipped: resolve',
      'warn Attempt failed: Could not reach it',
      'warn Fallback to up',
      'info Stage completed: upload',
      'info Run completed',
    ])
    const events = (await collect(run)).filter(({ type }) => type !== 'stage-progressed' && type !== 'stage-started')
    expect(lines.map(([, , fields]) => (fields as LogFields).sequence)).toEqual(events.map(({ sequence }) => sequence))
    expect(lines[4]?.[2]).toEqual({
      runId: 'run_1',
      sequence: expect.any(Number),
      event: 'attempt-failed',
      stage: 'upload',
      strategy: 'down',
      code: 'network',
      isRetryable: true,
      durationMs: expect.any(Number),
    })
    expect(JSON.stringify(lines)).not.toContain('canary')
  })

  it('gets a warning of a strategy after the end of its run, which no event shows', async () => {
    const { lines, logger } = recorder()
    const controller = new AbortController()
    const ended = Promise.withResolvers<void>()
    const after = Promise.withResolvers<void>()
    const pipeline = new SoraPipeline({
      generator: fakeTaskGenerator({ polls: 0 }),
      uploader: {
        name: 'store',
        upload: async (_, { signal, warn }) => {
          controller.abort(new Error('enough'))
          void ended.promise.then(() => {
            warn?.({ code: 'upload-left-behind', message: 'Could not remove it: Bearer canary-token-12345678901234' })
            after.resolve()
          })
          signal.throwIfAborted()
          return { url: 'https://store.example/a.mp4' }
        },
      },
      logger,
      pollSchedule: () => 0,
    })
    const run = pipeline.run(REQUEST, { id: 'run_1', signal: controller.signal })
    await expect(run.result).rejects.toThrow('enough')
    await collect(run)
    ended.resolve()
    await after.promise
    expect(lines.at(-1)).toEqual([
      'warn',
      expect.stringContaining('Could not remove it'),
      { runId: 'run_1', event: 'warning', stage: 'upload', strategy: 'store', code: 'upload-left-behind' },
    ])
    expect(JSON.stringify(lines)).not.toContain('canary')
    expect((await collect(run)).at(-1)?.type).toBe('run-failed')
  })

  it('gets the failure of a run as an error, an abort as info, and a degraded result as a warning', async () => {
    const { lines, logger } = recorder()
    const failing = new SoraPipeline({ generator: fakeGenerator({ outcome: new Error('no way') }), logger })
    await failing.generate(REQUEST).catch(() => undefined)
    await new SoraPipeline({ generator: fakeGenerator({ hangs: true }), logger }).run(REQUEST).cancel()
    const degraded = new SoraPipeline({
      generator: fakeGenerator(),
      uploader: fakeUploader({ outcome: new Error('no disk') }),
      logger,
    })
    await degraded.generate(REQUEST)
    const ends = lines.filter(([, , fields]) => /^run-(?:completed|failed)$/.test(String((fields as LogFields).event)))
    expect(ends.map(([level, message]) => `${level} ${String(message).slice(0, 12)}`)).toEqual([
      'error Run failed: ',
      'info Run aborted',
      'warn Run complete',
    ])
  })

  it('of the shape of pino gets the fields first', async () => {
    const { lines, logger } = recorder({ bindings: () => ({}) })
    await new SoraPipeline({ generator: fakeGenerator(), logger }).generate(REQUEST, { id: 'run_1' })
    expect(lines[0]).toEqual(['info', expect.objectContaining({ runId: 'run_1' }), 'Run started'])
  })

  it('of pino writes its lines, also as a child', async () => {
    const written: string[] = []
    const logger = pino({ level: 'debug' }, { write: (line: string) => written.push(line) }).child({
      service: 'videos',
    })
    await new SoraPipeline({ generator: fakeGenerator(), logger }).generate(REQUEST, { id: 'run_1' })
    expect(JSON.parse(written[0] ?? '')).toMatchObject({
      level: 30,
      service: 'videos',
      runId: 'run_1',
      event: 'run-started',
      msg: 'Run started',
    })
  })

  it('keeps its this', async () => {
    class Kept {
      readonly lines: string[] = []
      debug = () => undefined
      warn = () => undefined
      error = () => undefined
      info(message: string) {
        this.lines.push(message)
      }
    }
    const logger = new Kept()
    await new SoraPipeline({ generator: fakeGenerator(), logger }).generate(REQUEST)
    expect(logger.lines[0]).toBe('Run started')
  })

  it.each([
    [
      'throws',
      () => {
        throw new Error('disk full')
      },
    ],
    ['rejects', () => Promise.reject(new Error('disk full'))],
  ])('that %s costs one warning', async (_, write) => {
    const logger = { debug: write, info: write, warn: write, error: write }
    const run = new SoraPipeline({ generator: fakeTaskGenerator({ polls: 3 }), logger, pollSchedule: () => 0 }).run(
      REQUEST,
    )
    await run.result
    const warnings = (await collect(run)).filter(({ type }) => type === 'warning')
    expect(warnings).toMatchObject([
      { code: 'logger-failed', message: expect.stringMatching(/^logger .*: disk full$/) },
    ])
  })

  it('without a method is refused', () => {
    const { error: _error, ...logger } = recorder().logger
    expect(() => new SoraPipeline({ generator: fakeGenerator(), logger: logger as Logger })).toThrow(
      'give an object with debug(), info(), warn(), error()',
    )
  })

  it('can be console', () => {
    expect(() => new SoraPipeline({ generator: fakeGenerator(), logger: console })).not.toThrow()
  })
})
