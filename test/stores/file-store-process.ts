import { deepStrictEqual } from 'node:assert'
import { createHash } from 'node:crypto'
import type { StoredRun } from 'sora-pipeline'
import { fileStore } from 'sora-pipeline/stores'

// What a separate process does with a file store; test/stores/file-store-processes.test.ts starts it.

export interface FileStoreTask {
  readonly place: string
  readonly job: 'work' | 'media' | 'live'
  /** Of this process. */
  readonly name: string
  readonly times: number
}

const task = JSON.parse(process.argv[2] ?? '') as FileStoreTask
const store = fileStore({ directory: task.place })
const tell = (value: unknown) => process.stdout.write(`${JSON.stringify(value)}\n`)

await store.load('warm-up')
tell('ready')
await new Promise((resolve) => process.stdin.once('data', resolve))
process.stdin.unref()
tell(await { work, media, live }[task.job]())

/** Beats and reports as a worker that every other process is as well, and sees each time what one of them wrote, whole. */
async function work(): Promise<number> {
  let seen = 0
  const text = 'x'.repeat(20_000)
  for (let count = 1; count <= task.times; count += 1) {
    await store.heartbeat('worker', 60_000)
    await store.report('worker', [{ id: 'run-1', progress: { by: task.name, count, text } }])
    const { progress, beat } = (await store.load('run-1')) ?? {}
    if (progress?.text !== text || beat?.isExpired !== false) throw new Error('Could not read what was written')
    seen += 1
  }
  return seen
}

/** Puts the same bytes as every other process for its own run, and drops them, and has them in between. */
async function media(): Promise<number> {
  const bytes = new TextEncoder().encode('the same bytes '.repeat(1000))
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  let seen = 0
  for (let count = 0; count < task.times; count += 1) {
    await store.putMedia(task.name, sha256, bytes)
    for (let look = 0; look < 3; look += 1) {
      const found = await store.getMedia(sha256)
      if (found === undefined || found.length !== bytes.length) throw new Error('Could not get what is referred to')
    }
    seen += 1
    await store.dropMedia(task.name)
  }
  return seen
}

/** Creates runs under ids that every other process takes as well, ends those that it got, and prunes, which takes no other run. */
async function live(): Promise<number> {
  let lives = 0
  const far = 9_000_000_000_000
  for (let count = 0; count < task.times; count += 1) {
    const id = `run-${count % 2}`
    const state: StoredRun = { status: 'running', wakeAt: 5, by: task.name, count }
    if (await store.create(id, state)) {
      const bytes = new TextEncoder().encode(`${task.name} ${count}`)
      const sha256 = createHash('sha256').update(bytes).digest('hex')
      await store.putMedia(id, sha256, bytes)
      let version = 1
      for (; version < 6; ) version = await store.save(id, version, { ...state, version })
      deepStrictEqual(await store.load(id), { version: 6, state: { ...state, version: 5 } })
      deepStrictEqual(await store.getMedia(sha256), bytes)
      if (!(await store.due(5, 10)).includes(id))
        throw new Error('Could not find a running run among those that are due')
      version = await store.save(id, version, { ...state, status: 'completed', endedAt: 1 })
      // Half of them are opened again, against those who prune.
      if (count % 2 === 0) {
        const opened = await store.save(id, version, state).catch((error: unknown) => {
          if (Object(error).code !== 'run-fenced' && Object(error).code !== 'run-state') throw error
          return undefined
        })
        if (opened !== undefined) {
          deepStrictEqual(await store.load(id), { version: opened, state })
          await store.save(id, opened, { ...state, status: 'failed', endedAt: 1 })
        }
      }
      lives += 1
    }
    await store.prune({ endedBefore: far, now: far })
  }
  return lives
}
