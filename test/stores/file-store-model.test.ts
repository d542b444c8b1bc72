import { createHash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { array, assert, asyncProperty, boolean, constant, constantFrom, oneof, record } from 'fast-check'
import { expect, it } from 'vitest'
import { memoryStore, type RunStore, type StoredRun } from '../../src/index.js'
import { fileStore } from '../../src/stores/index.js'

type FullStore = Required<RunStore>
type Status = StoredRun['status']

const DAY_MS = 86_400_000
const IDS = ['run_a', 'run_b', 'run_c']
const WORKERS = ['w1', 'w2']
const BYTES = ['x', 'y'].map((text) => new TextEncoder().encode(text))
const digestOf = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

const id = constantFrom(...IDS)
const worker = constantFrom(...WORKERS)
const fields = record({
  status: constantFrom<Status[]>('running', 'running', 'completed', 'failed', 'needs-review'),
  wakeAt: constantFrom(10, 20, 30),
  worker,
  startedAt: constantFrom(1, 2),
  isCallerId: boolean(),
  isOwned: boolean(),
  isRemoved: boolean(),
})
const steps = array(
  oneof(
    record({ kind: constant('create' as const), id, fields }),
    record({ kind: constant('save' as const), id, fields, isStale: constantFrom(false, false, false, true) }),
    record({ kind: constant('reschedule' as const), id, wakeAt: constantFrom(5, 15, 25), isStale: boolean() }),
    record({ kind: constant('claim' as const), id, key: constantFrom('job_1', 'job_2') }),
    record({ kind: constant('report' as const), id, worker, other: constantFrom(...IDS, 'run_unknown') }),
    record({ kind: constant('beat' as const), worker }),
    record({ kind: constant('retire' as const), worker }),
    record({ kind: constant('put' as const), id, bytes: constantFrom(...BYTES) }),
    record({ kind: constant('drop' as const), id }),
    record({ kind: constant('prune' as const), ago: constantFrom(0, 3), daysLater: constantFrom(0, 0, 2) }),
  ),
  { minLength: 10, maxLength: 40 },
)

type Step = NonNullable<Parameters<Parameters<typeof steps.map>[0]>[0]>[number]

/** Does a step at an instant to both stores, which were in the same state before. */
async function take(store: FullStore, step: Step, now: number): Promise<unknown> {
  const versionOf = async (run: string, isStale: boolean) => ((await store.load(run))?.version ?? 1) - Number(isStale)
  switch (step.kind) {
    case 'create':
      return store.create(step.id, stateOf(step, now))
    case 'save': {
      const loaded = await store.load(step.id)
      // Claims of a run that is opened again after it was forgotten are each store's own.
      if (loaded?.state.isRetained === true) return 'retained'
      return store.save(step.id, await versionOf(step.id, step.isStale), stateOf(step, now))
    }
    case 'reschedule':
      return store.reschedule(step.id, await versionOf(step.id, step.isStale), step.wakeAt, [{ at: now }])
    case 'claim': {
      // Only of a run that is there: the claims of one that is created once more are each store's own.
      return (await store.load(step.id)) === undefined ? 'unknown' : store.claim('jobs', step.key, step.id)
    }
    case 'report': {
      // Of runs that it holds or that are unknown: what becomes of other reports is each store's own.
      const held = async (run: string) => ((await store.load(run))?.state.worker ?? step.worker) === step.worker
      const ids = [step.id, step.other]
      const isHeld = await Promise.all(ids.map(held))
      return store.report(
        step.worker,
        ids.filter((_, index) => isHeld[index]).map((run) => ({ id: run, progress: { at: now } })),
      )
    }
    case 'beat':
      return store.heartbeat(step.worker, DAY_MS)
    case 'retire':
      return store.retire(step.worker)
    case 'put':
      return store.putMedia(step.id, digestOf(step.bytes), step.bytes)
    case 'drop':
      return store.dropMedia(step.id)
    case 'prune':
      return store.prune({ endedBefore: now - step.ago, now })
  }
}

function stateOf({ fields }: Step & { kind: 'create' | 'save' }, now: number): StoredRun {
  const { status, worker, isOwned, isRemoved, ...rest } = fields
  return {
    ...rest,
    status,
    prompt: `A cat at ${now}`,
    // What a worker reported is each store's own once the run has stopped: the next worker is another one.
    worker: status === 'running' ? worker : 'none',
    ...(status !== 'running' && { endedAt: now }),
    ...(isOwned && { owner: 'a' }),
    ...(isRemoved && { removedAt: now }),
  }
}

/** Everything that a store answers, beats aside. */
async function answers(store: FullStore): Promise<unknown> {
  const loads = await Promise.all(IDS.map((run) => store.load(run)))
  const dues = [undefined, ...IDS, 'run_unknown'].flatMap((after) =>
    [{}, { isFree: true }].flatMap((options) => [15, 30].map((at) => store.due(at, 2, { ...options, after }))),
  )
  const orders = ['oldest-first', 'newest-first'] as const
  return {
    loads: loads.map((run) => run && { ...run, beat: run.beat && { ttlMs: run.beat.ttlMs, is: run.beat.isExpired } }),
    due: await Promise.all(dues),
    versions: await store.versions([...IDS, 'run_unknown']),
    lists: await Promise.all(
      orders.flatMap((order) => [{}, { owner: 'a' }].map((of) => store.list({ order, limit: 9, ...of }))),
    ),
    media: await Promise.all(BYTES.map((bytes) => store.getMedia(digestOf(bytes)))),
  }
}

async function outcome(work: Promise<unknown>): Promise<unknown> {
  try {
    return await work
  } catch (error) {
    expect(error).toMatchObject({ name: expect.stringMatching(/^(FencedError|RunStateError)$/), isRetryable: false })
    return 'refused'
  }
}

it('answers as memoryStore does after any operations', async () => {
  const place = await mkdtemp(join(tmpdir(), 'file-store-model-'))
  let turn = 0
  try {
    await assert(
      asyncProperty(steps, async (all) => {
        turn += 1
        const directory = join(place, String(turn))
        const memory = memoryStore() as FullStore
        // Two of them, as two processes have.
        const files = [fileStore({ directory }), fileStore({ directory })] as const
        const stopped = new Set<string>()
        const handedOver = new Set<string>()
        let now = 1_767_225_600_000
        for (const [index, step] of all.entries()) {
          now += 1 + (step.kind === 'prune' ? step.daysLater * DAY_MS : 0)
          // What was reported of a run that is opened again is each store's own.
          if (step.kind === 'save' || step.kind === 'create') {
            if (step.fields.status !== 'running') stopped.add(step.id)
            else if (stopped.has(step.id)) continue
            // What was reported by a worker that has the run once more, as well.
            const holder = (await memory.load(step.id))?.state.worker ?? step.fields.worker
            if (holder !== step.fields.worker && handedOver.size === handedOver.add(step.id).size) continue
          }
          const file = files[index % 2] as FullStore
          expect(await outcome(take(file, step, now))).toEqual(await outcome(take(memory, step, now)))
          expect(await answers(files[(index + 1) % 2] as FullStore)).toEqual(await answers(memory))
        }
        await rm(directory, { recursive: true, force: true })
      }),
      { numRuns: 60 },
    )
  } finally {
    await rm(place, { recursive: true, force: true })
  }
})
