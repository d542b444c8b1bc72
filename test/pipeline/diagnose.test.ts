import { expect, it } from 'vitest'
import {
  AuthenticationError,
  type DiagnosableStore,
  fallback,
  memoryStore,
  SoraPipeline,
  withTimeout,
} from '../../src/index.js'
import { fakeGenerator, fakePublisher, fakeUploader, manualClock } from '../../src/testing/index.js'

const hang = () => new Promise<never>(() => undefined)

it('diagnose checks the store and every strategy of every chain, in order, and changes nothing', async () => {
  const clock = manualClock()
  const first = {
    ...fakeUploader({ name: 'first' }),
    endpoints: ['https://first.example'],
    check: async () => {
      throw new AuthenticationError('Could not read the bucket: the key is refused')
    },
  }
  const second = { ...fakeUploader({ name: 'second', label: 'Second' }), check: async () => undefined }
  const pipeline = new SoraPipeline({
    generator: withTimeout({ ...fakeGenerator({ name: 'made' }), check: hang }, { timeoutMs: 1000 }),
    publisher: fakePublisher({ name: 'post' }),
    uploader: fallback(first, second),
    clock,
    deadlines: { totalMs: 5000 },
  })
  const diagnosis = await clock.runUntil(pipeline.diagnose())
  expect(diagnosis).toEqual({
    deadlines: { generateMs: 1_800_000, publishMs: 60_000, resolveMs: 120_000, uploadMs: 900_000, totalMs: 5000 },
    store: {
      outcome: 'ok',
      durationMs: 0,
      durability: { kind: 'memory', survives: 'nothing', sharedBy: 'one-process' },
      serverProblems: [],
    },
    strategies: [
      {
        stage: 'generate',
        name: 'made',
        endpoints: [],
        outcome: 'failed',
        durationMs: 10_000,
        error: expect.objectContaining({ code: 'network', message: expect.stringContaining('10000') }),
      },
      { stage: 'publish', name: 'post', endpoints: [], outcome: 'unchecked' },
      {
        stage: 'upload',
        name: 'first',
        label: 'Google Drive',
        endpoints: ['https://first.example'],
        outcome: 'failed',
        durationMs: 0,
        error: expect.objectContaining({ code: 'authentication' }),
      },
      { stage: 'upload', name: 'second', label: 'Second', endpoints: [], outcome: 'ok', durationMs: 0 },
    ],
  })
  expect(await pipeline.list()).toEqual([])
})

it('diagnose reports a store that is down', async () => {
  const load = () => Promise.reject(new Error('connect ECONNREFUSED'))
  const pipeline = new SoraPipeline({ generator: fakeGenerator(), store: { ...memoryStore(), load } })
  expect((await pipeline.diagnose()).store).toMatchObject({
    outcome: 'failed',
    error: { message: expect.stringContaining('ECONNREFUSED') },
  })
})

it('diagnose reports what a store declares, and the settings of its server', async () => {
  const { durability: _durability, ...undeclared } = memoryStore()
  const problem = { setting: 'backups', value: 'off', fix: 'switch them on' }
  const diagnosed = async (more: DiagnosableStore) =>
    (await new SoraPipeline({ generator: fakeGenerator(), store: { ...undeclared, ...more } }).diagnose()).store
  const durability = { kind: 'dynamo', survives: 'restart', sharedBy: 'many-machines' } as const
  expect(await diagnosed({ durability, checkServer: async () => [problem] })).toMatchObject({
    outcome: 'ok',
    durability,
    serverProblems: [problem],
  })
  expect(await diagnosed({})).toEqual({ outcome: 'ok', durationMs: expect.any(Number), serverProblems: [] })
  for (const wrong of ['restart', null, { ...durability, survives: 'fire' }, { ...durability, kind: 7 }]) {
    expect(await diagnosed({ durability: wrong as never })).not.toHaveProperty('durability')
  }
  const down = { checkServer: () => Promise.reject(new Error('connect ECONNREFUSED')) }
  expect(await diagnosed({ durability, ...down })).toMatchObject({ outcome: 'failed', durability, serverProblems: [] })
})
