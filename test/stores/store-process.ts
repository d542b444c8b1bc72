import { createHash } from 'node:crypto'
import { RunStateError, type RunStore, type StoredRun } from 'sora-pipeline'
import { fileStore, sqliteStore } from 'sora-pipeline/stores'
import { openServerStore, type ServerKind } from './servers/open-server-store.ts'

// What a separate process does with a store; test/stores/processes.ts starts it.

export interface StoreTask {
  readonly kind: 'file' | 'sqlite' | ServerKind
  readonly place: string
  readonly job: 'increment' | 'race' | 'save' | 'open' | 'idle' | 'leave'
  /** Of this process. */
  readonly name: string
  readonly times: number
}

const task = JSON.parse(process.argv[2] ?? '') as StoreTask
const { store, close } = await openStore()
const tell = (value: unknown) => process.stdout.write(`${JSON.stringify(value)}\n`)

// Ready only once the store is open, unless the race is about that; the answer of the parent is the start.
if (task.job !== 'open') await store.load('warm-up')
tell('ready')
await new Promise((resolve) => process.stdin.once('data', resolve))
process.stdin.unref()
await { increment, race, save, open, idle, leave }[task.job]()
await close()

/** A store of this process; what has to be closed so that the process may end is closed by `close`. */
async function openStore(): Promise<{ readonly store: RunStore; close(): Promise<void> }> {
  const close = async () => undefined
  if (task.kind === 'file') return { store: fileStore({ directory: task.place }), close }
  if (task.kind === 'sqlite') return { store: sqliteStore({ path: task.place }), close }
  return openServerStore(task.kind, task.place)
}

/** Adds 1 to a counter by compare-and-set, again and again. */
async function increment(): Promise<void> {
  for (let done = 0; done < task.times; ) {
    const { version, state } = await load('counter')
    try {
      await store.save('counter', version, { ...state, count: Number(state.count) + 1 })
      done += 1
    } catch (error) {
      if (!(error instanceof RunStateError) || error.code !== 'run-fenced') throw error
    }
  }
}

/** Tries to create runs and to claim jobs that the other processes try as well, and reports which ones it got. */
async function race(): Promise<void> {
  for (let index = 0; index < task.times; index += 1) {
    const isMine = await store.create(`run_${index}`, { status: 'running', wakeAt: index, by: task.name })
    if (isMine) tell(`run_${index}`)
    if (await store.claim('jobs', `job_${index}`, task.name)) tell(`job_${index}`)
  }
}

/** Saves states that prove to be whole, and reports every version that it was given. */
async function save(): Promise<void> {
  let { version } = await load('saved')
  for (;;) {
    const text = String(version).repeat(2000)
    const digest = createHash('sha256').update(text).digest('hex')
    version = await store.save('saved', version, { status: 'running', wakeAt: version, text, digest })
    tell(version)
  }
}

/** Opens the store and reports how many runs it lists. */
async function open(): Promise<void> {
  tell((await store.list?.({ order: 'oldest-first', limit: task.times }))?.length)
}

/** Saves a run and leaves the store open. */
async function idle(): Promise<void> {
  await store.create('run_idle', { status: 'running', wakeAt: 0 })
}

/** Starts saves and waits for none of them. */
async function leave(): Promise<void> {
  for (let index = 0; index < task.times; index += 1) {
    store.create(`run_${index}`, { status: 'running', wakeAt: 0 }).catch(() => process.exit(1))
  }
}

async function load(id: string): Promise<{ readonly version: number; readonly state: StoredRun }> {
  const loaded = await store.load(id)
  if (loaded === undefined) throw new Error(`Could not find the run: ${id}`)
  return loaded
}
