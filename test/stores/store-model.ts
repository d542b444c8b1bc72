import {
  type Arbitrary,
  array,
  assert,
  asyncProperty,
  boolean,
  constant,
  constantFrom,
  integer,
  nat,
  oneof,
  option,
  record,
  tuple,
} from 'fast-check'
import { expect } from 'vitest'
import type { LoadedRun } from '../../src/contracts/run-store.js'
import { isSoraPipelineError, memoryStore, type RunStore, type StoredRun } from '../../src/index.js'

type Store = Required<Omit<RunStore, 'appendEvents' | 'readEvents' | 'followEvents'>>
type Command = (store: Store, world: World) => Promise<unknown>

/** What the commands depend on, the same for both stores. */
interface World {
  readonly versions: Map<string, number>
  /** Runs with claims: their ids are not used again, see below. */
  readonly claimants: Set<string>
  now: number
}

const START = 1_790_000_000_000
const HOUR = 3_600_000

// Few of each, so that commands meet.
const ids = constantFrom('run_1', 'run_1', 'run_2', 'run_3')
const workers = constantFrom('worker_1', 'worker_1', 'worker_1', 'worker_2')
const owners = constantFrom('a', '')
const instants = constantFrom(0, 1, 2, 5, 5, 5).map((step) => START + step * 100)

const states: Arbitrary<StoredRun> = record(
  {
    status: constantFrom('running', 'running', 'completed', 'failed', 'needs-review'),
    wakeAt: instants,
    worker: workers,
    startedAt: instants,
    endedAt: instants,
    owner: owners,
    removedAt: instants,
    isCallerId: boolean(),
    prompt: constantFrom('a cat', 'ü日本🎬'),
    fingerprint: constantFrom('f'),
  },
  { requiredKeys: ['status', 'wakeAt'] },
).map((state) => state as StoredRun)

const MEDIA = [
  ['5feceb66ffc86f38d952786c6d696c79c2dbc239dd4e91b46729d73a27fb57e9', '0'],
  ['6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b', '1'],
  ['d4735e3a265e16eee03f59718b9b5d03019c07d8b6c51f90da3a666eec13ab35', 'not 2'],
] as const
const media = constantFrom(...MEDIA)

// Mostly the newest version, sometimes another one.
const saved = (change: (store: Store, id: string, version: number) => Promise<unknown>) =>
  tuple(ids, oneof({ weight: 9, arbitrary: constant(0) }, { weight: 1, arbitrary: constantFrom(-1, 1) })).map(
    ([id, off]): Command =>
      (store, { versions }) =>
        change(store, id, (versions.get(id) ?? 1) + off),
  )

const commands: Arbitrary<Command> = oneof(
  tuple(ids, states).map(
    ([id, state]): Command =>
      async (store, { claimants }) => {
        // memoryStore lets go of the claims of a run 24 hours after it was forgotten, also when its id is in use again.
        if (claimants.has(id)) return 'not created'
        return store.create(id, state)
      },
  ),
  states.chain((state) => saved((store, id, version) => store.save(id, version, state))),
  states.chain((state) => saved((store, id, version) => store.save(id, version, { ...state, status: 'running' }))),
  tuple(instants, nat(2)).chain(([wakeAt, reading]) =>
    saved((store, id, version) => store.reschedule(id, version, wakeAt, [{ reading }])),
  ),
  ids.map(
    (id): Command =>
      (store) =>
        store.load(id),
  ),
  tuple(constantFrom('x', 'x', 'y'), constantFrom('1'), ids).map(
    ([namespace, key, id]): Command =>
      (store, { claimants }) => {
        claimants.add(id)
        return store.claim(namespace, key, id)
      },
  ),
  tuple(instants, integer({ min: 1, max: 4 }), option(ids, { nil: undefined, freq: 2 }), boolean()).map(
    ([before, limit, after, isFree]): Command =>
      (store) =>
        store.due(before, limit, { after, isFree }),
  ),
  // No beat expires within the test.
  workers.map(
    (worker): Command =>
      (store) =>
        store.heartbeat(worker, 10 * HOUR),
  ),
  workers.map(
    (worker): Command =>
      (store) =>
        store.retire(worker),
  ),
  constant<Command>((store) => store.versions(['run_2', 'unknown', 'run_1', 'run_2'])),
  tuple(workers, array(record({ id: ids, progress: record({ ratio: nat(3) }) }), { maxLength: 3 })).map(
    ([worker, entries]): Command =>
      (store) =>
        store.report(worker, entries),
  ),
  record({
    owner: option(owners, { nil: undefined }),
    order: constantFrom('newest-first', 'oldest-first'),
    after: option(ids, { nil: undefined }),
    limit: integer({ min: 1, max: 4 }),
  }).map(
    (query): Command =>
      (store) =>
        store.list(query),
  ),
  tuple(ids, media).map(
    ([id, [sha256, text]]): Command =>
      (store) =>
        store.putMedia(id, sha256, new TextEncoder().encode(text)),
  ),
  media.map(
    ([sha256]): Command =>
      async (store) =>
        textOf(await store.getMedia(sha256)),
  ),
  ids.map(
    (id): Command =>
      (store) =>
        store.dropMedia(id),
  ),
  // All ends lie within the second after the start, so that their 24 hours are over together or not.
  tuple(constantFrom(0, 0, 0, 13, 25), instants).map(
    ([hours, endedBefore]): Command =>
      (store, world) => {
        world.now += hours * HOUR
        return store.prune({ endedBefore, now: world.now })
      },
  ),
)

/**
 * Does the same to a store and to `memoryStore`, again and again with other commands, and sees that both give the same. `open` gives an
 * empty store.
 */
export async function isLikeMemory(
  open: () => Promise<{ readonly store: Store; close(): Promise<void> }>,
  { numRuns }: { readonly numRuns: number },
): Promise<void> {
  await assert(
    asyncProperty(array(commands, { minLength: 50, maxLength: 150, size: 'max' }), async (steps) => {
      const { store, close } = await open()
      const memory = memoryStore({ maxEnded: 1000 }) as Store
      const worlds = [newWorld(), newWorld()] as const
      for (const command of steps) {
        const expected = await outcomeOf(command, memory, worlds[0])
        expect(await outcomeOf(command, store, worlds[1])).toEqual(expected)
        for (const world of worlds) {
          world.now += 1000
          const versions = await memory.versions(['run_1', 'run_2', 'run_3'])
          versions.forEach((version, index) => {
            world.versions.set(`run_${index + 1}`, version ?? 1)
          })
        }
      }
      for (const id of ['run_1', 'run_2', 'run_3']) {
        const load: Command = (each) => each.load(id)
        expect(await outcomeOf(load, store, worlds[1])).toEqual(await outcomeOf(load, memory, worlds[0]))
      }
      await close()
    }),
    { numRuns, interruptAfterTimeLimit: 40_000 },
  )
}

function newWorld(): World {
  return { versions: new Map(), claimants: new Set(), now: START + 10_000 }
}

// Numbers of beats are the store's own; an unknown run is fenced by one and unknown to the other.
async function outcomeOf(command: Command, store: Store, world: World): Promise<unknown> {
  try {
    const value = await command(store, world)
    const { beat, ...run } = Object(value) as LoadedRun
    return beat === undefined ? value : { ...run, beat: { ...beat, number: 0 } }
  } catch (error) {
    if (!isSoraPipelineError(error)) throw error
    return error.code === 'request-invalid' ? error.message : 'not saved'
  }
}

function textOf(bytes: Uint8Array | undefined): string | undefined {
  return bytes && new TextDecoder().decode(bytes)
}
