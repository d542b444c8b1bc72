import { createHash } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import type { RunStore, StoredRun } from '../../src/contracts/run-store.js'
import { fileStore, sqliteStore } from '../../src/stores/index.js'

const state = { v: 2, id: 'run_1', status: 'running', wakeAt: 0, startedAt: 0 } as unknown as StoredRun
const bytes = new Uint8Array(1)
const digest = createHash('sha256').update(bytes).digest('hex')

type Store = Required<RunStore>

// The failed action that each operation reports, in the words of each store.
const OPERATIONS: readonly (readonly [
  (store: Store) => Promise<unknown>,
  file: string,
  sqlite: string,
  subject: string,
])[] = [
  [(store) => store.create('run_1', state), 'save the run', 'save the run', 'run_1'],
  [(store) => store.load('run_1'), 'read the run', 'read the run', 'run_1'],
  [(store) => store.save('run_1', 1, state), 'save the run', 'save the run', 'run_1'],
  [(store) => store.reschedule('run_1', 1, 0, []), 'reschedule the run', 'reschedule the run', 'run_1'],
  [(store) => store.claim('jobs', 'x', 'run_1'), 'claim x of jobs', 'claim x of jobs', 'run_1'],
  [(store) => store.due(0, 1), 'look for runs that are due', 'read the runs that are due', 'runs'],
  [(store) => store.heartbeat('worker', 1000), 'save the beat', 'record the heartbeat', 'worker'],
  [(store) => store.retire('worker'), 'remove the beat', 'retire the worker', 'worker'],
  [(store) => store.versions(['run_1']), 'read the versions', 'read the versions', 'runs'],
  [(store) => store.report('worker', []), 'save the progress', 'save the progress', 'worker'],
  [(store) => store.list({ order: 'newest-first', limit: 1 }), 'list the runs', 'list the runs', 'runs'],
  [(store) => store.putMedia('run_1', digest, bytes), 'keep media', 'keep the media', 'run_1'],
  [(store) => store.getMedia(digest), 'read media', 'read the media', digest],
  [(store) => store.dropMedia('run_1'), 'drop media', 'remove the media', 'run_1'],
  [(store) => store.prune({ endedBefore: 0, now: 0 }), 'forget runs', 'forget ended runs', 'runs'],
]

// What is not there is read as nothing.
const WRITES = [
  'save the run',
  'reschedule the run',
  'claim x of jobs',
  'save the beat',
  'save the progress',
  'keep media',
]

it.each(OPERATIONS.filter(([, file]) => WRITES.includes(file)))(
  'a file store in the place of a file reports the failed operation: %s',
  async (call, verb, _, subject) => {
    const place = join(await mkdtemp(join(tmpdir(), 'messages-')), 'file')
    onTestFinished(() => rm(join(place, '..'), { recursive: true }))
    await writeFile(place, 'no directory')
    const said = await call(fileStore({ directory: place }) as Store).then(
      () => undefined,
      ({ message }: Error) => message,
    )
    expect(said).toMatch(new RegExp(`^Could not ${verb}\\b.*: ${subject}$`))
  },
)

it.each(OPERATIONS)('a store that was closed reports the failed operation: %s', async (call, _, verb, subject) => {
  const directory = await mkdtemp(join(tmpdir(), 'messages-'))
  onTestFinished(() => rm(directory, { recursive: true }))
  const store = sqliteStore({ path: join(directory, 'runs.db') })
  await store.close()
  await expect(call(store as unknown as Store)).rejects.toThrow(`Could not ${verb}, the store was closed: ${subject}`)
})
