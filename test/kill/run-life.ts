import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import { startSandbox } from '../../src/sandbox/index.js'
import { fileStore, sqliteStore } from '../../src/stores/index.js'
import { type ScriptProcess, startScript } from '../stores/processes.js'
import type { OwnServer } from '../stores/servers/own-server.js'
import { type Commitment, type HeldRequest, startPaidProvider, VIDEO } from './paid-provider.js'
import type { RunTask } from './run-process.js'

/** Where a process is killed: at a point that it freezes at, while one of its requests is held, or at some instant. */
export type Kill = (
  | { readonly at: string }
  | { readonly during: HeldRequest; readonly commitment?: Commitment }
  | { readonly afterMs: number }
) & {
  /** The library of the process; without it the present one. */
  readonly by?: RunTask['library']
  /** Whether the server of the store dies there as well, and starts again before the process is killed. */
  readonly crash?: true
}

/** Runs, and the kills that they have to live through, one after the other. */
export interface Life {
  readonly store: RunTask['store']['kind']
  /** The server of the store, for stores that have one. */
  readonly server?: OwnServer
  readonly mode: RunTask['mode']
  readonly runs: number
  readonly kills: readonly Kill[]
}

/** The outcome of lives. */
export interface Toll {
  kills: number
  runs: number
  /** Jobs that were paid for. */
  creates: number
  /** Runs without a URL that gives the video. */
  lost: number
}

/** What a process reports of a run that ended. */
export interface Ended {
  readonly ended: string
  readonly url?: string
  readonly error?: string
  readonly servedBy?: string
  readonly isDegraded?: boolean
}

/** What a process of 0.1.0 made of runs that it cannot read. */
export interface Outdated {
  readonly reported: readonly Ended[]
  readonly before: readonly (number | undefined)[]
  readonly after: readonly (number | undefined)[]
  readonly toll: Toll
}

/** The upstreams of lives. */
export interface World {
  /** Lets runs live; returns their outcome. Rejects with the fault of a run. */
  live(life: Life): Promise<Toll>
  /** The same with a process that is stopped, the present library taking over, and then wakes. */
  freeze(life: Omit<Life, 'kills'>, at: string, by?: RunTask['library']): Promise<Toll>
  /**
   * Runs that a process of the present library left at a point, and a process of 0.1.0 that then comes to its own end: what that one
   * reported of each run, the versions in the store before it and after it, and what came of the runs at last.
   */
  outdated(life: Omit<Life, 'kills'>, at: string): Promise<Outdated>
  close(): Promise<void>
}

const LEASE_MS = 400
const FOREVER_MS = 60_000
// Long enough that the signal comes while the process still waits; the time that it is stopped counts.
const ASLEEP_MS = 3000

/** Starts the upstreams. */
export async function startWorld(): Promise<World> {
  const directory = await mkdtemp(join(tmpdir(), 'kills-'))
  const uploads = join(directory, 'uploads')
  const [sandbox, keyed, keyless] = await Promise.all([
    startSandbox({ speed: 30 }),
    startPaidProvider({ keys: true, uploads }),
    startPaidProvider({ keys: false, uploads }),
  ])
  const processes: ScriptProcess[] = []
  let lives = 0

  const begin = ({ store, server, mode, runs }: Omit<Life, 'kills'>) => {
    lives += 1
    const provider = mode === 'find' ? keyless : keyed
    const ids = Array.from({ length: runs }, (_, index) => `life-${lives}-run-${index}`)
    const task: RunTask = {
      library: 'present',
      store: { kind: store, place: server?.place(`life_${lives}`) ?? join(directory, `${lives}-${store}`) },
      mode,
      origin: provider.origin,
      videosApi: sandbox.videosApi,
      mirrors: sandbox.mirrors,
      uploads,
      runs: ids.map((id) => ({ id, prompt: `The prompt of ${id}` })),
      frozenMs: FOREVER_MS,
      leaseMs: LEASE_MS,
    }
    const start = (freezeAt?: string, { frozenMs = FOREVER_MS, by = task.library } = {}) => {
      const process = startScript('kill/run-process.ts', { ...task, library: by, freezeAt, frozenMs })
      processes.push(process)
      return process
    }
    return { provider, task, start }
  }

  /** Lets a last process come to its end, and counts. */
  const reckon = async (task: RunTask, last: ScriptProcess, paidFor: (prompt: string) => number): Promise<Toll> => {
    await last.ended
    const paidAtSandbox = task.mode === 'videos-api' ? await promptsOf(sandbox.videosApi) : []
    const toll: Toll = { kills: 0, runs: task.runs.length, creates: 0, lost: 0 }
    for (const { id, prompt } of task.runs) {
      const end = last.told.find((told) => Object(told).ended === id) as Ended | undefined
      const response = end?.url === undefined ? undefined : await fetch(end.url)
      const bytes = response?.ok ? Buffer.from(await response.arrayBuffer()) : Buffer.alloc(0)
      const isVideo = task.mode === 'videos-api' ? bytes.subarray(4, 8).toString() === 'ftyp' : bytes.equals(VIDEO)
      const creates =
        task.mode === 'videos-api' ? paidAtSandbox.filter((paid) => paid === prompt).length : paidFor(prompt)
      const { url: _, ...outcome } = end ?? { error: 'It did not end' }
      expect({ mode: task.mode, ...outcome, isVideo, creates }).toEqual({
        mode: task.mode,
        ended: id,
        servedBy: 'uploader',
        isDegraded: false,
        isVideo: true,
        creates: 1,
      })
      toll.creates += creates
      if (!isVideo) toll.lost += 1
    }
    return toll
  }

  return {
    async live(life) {
      const { provider, task, start } = begin(life)
      let killed = 0
      for (const kill of life.kills) {
        const isHeld = 'during' in kill && provider.hold(kill.during, task.runs[0]?.prompt ?? '', kill.commitment)
        const process = start('at' in kill ? kill.at : undefined, { by: kill.by ?? task.library })
        if ('afterMs' in kill) {
          await process.next((told) => Object(told).ready)
          await Promise.race([sleep(kill.afterMs), process.ended])
        } else {
          const isThere = isHeld || process.next((told) => Object(told).frozen)
          await Promise.race([isThere, process.ended])
        }
        if (kill.crash) {
          await life.server?.crash()
          // The process, unless it is frozen, meets the server that has come back.
          if ('afterMs' in kill) await Promise.race([sleep(kill.afterMs), process.ended])
        }
        const isOver = process.child.exitCode !== null
        await process.kill()
        if (!isOver) killed += 1
        // An instant may come after the end of all runs, and 0.1.0 leaves runs alone that it cannot read; but a point that no run
        // comes to proves nothing.
        else if ('afterMs' in kill) {
          if (kill.by === undefined) break
        } else throw new Error(`Could not kill, no run came to the point: ${JSON.stringify({ ...life, kill })}`)
      }
      return { ...(await reckon(task, start(), provider.paidFor)), kills: killed }
    },

    async freeze(life, at, by) {
      const { provider, task, start } = begin(life)
      const sleeper = start(at, { frozenMs: ASLEEP_MS, by: by ?? task.library })
      await sleeper.next((told) => Object(told).frozen)
      await stopUnlocked(sleeper, task)
      const other = start()
      await other.ended
      sleeper.child.kill('SIGCONT')
      await sleeper.ended
      const toll = await reckon(task, other, provider.paidFor)
      if (by === undefined) {
        // Calls of the sleeper after it woke count as paid as well.
        await reckon(task, sleeper, provider.paidFor)
        return toll
      }
      // The sleeper cannot read the runs any more; a last process finds them unchanged.
      return await reckon(task, start(), provider.paidFor)
    },

    async outdated(life, at) {
      const { provider, task, start } = begin(life)
      const left = start(at)
      await left.next((told) => Object(told).frozen)
      await left.kill()
      const before = await versionsOf(task)
      const old = start(undefined, { by: '0.1.0' })
      await old.ended
      const after = await versionsOf(task)
      const reported = old.told.filter((told) => Object(told).ended !== undefined) as Ended[]
      return { reported, before, after, toll: await reckon(task, start(), provider.paidFor) }
    },

    close: async () => {
      // Those of a life that failed are still there.
      await Promise.allSettled(processes.map((process) => process.kill()))
      await Promise.all([sandbox.close(), keyed.close(), keyless.close()])
      await rm(directory, { recursive: true, force: true })
    },
  }
}

/** Adds up the outcomes of lives, some of them at a time. */
export async function liveAll(world: World, lives: readonly Life[], atOnce: number): Promise<Toll> {
  const total: Toll = { kills: 0, runs: 0, creates: 0, lost: 0 }
  const queue = [...lives]
  const work = async () => {
    for (let life = queue.shift(); life !== undefined; life = queue.shift()) {
      const toll = await world.live(life)
      for (const key of ['kills', 'runs', 'creates', 'lost'] as const) total[key] += toll[key]
    }
  }
  await Promise.all(Array.from({ length: atOnce }, work))
  return total
}

/** Stops a process, but not the thread of its store in the middle of a transaction: that would keep the database locked. */
async function stopUnlocked({ child }: ScriptProcess, { store: { kind, place } }: RunTask): Promise<void> {
  const database = kind === 'sqlite' ? new DatabaseSync(place) : undefined
  database?.exec('PRAGMA busy_timeout = 10000; BEGIN IMMEDIATE')
  child.kill('SIGSTOP')
  // Where the system has no such file, the signal is as quick as the rollback is slow.
  const isStopped = () => {
    const file = `/proc/${child.pid}/stat`
    return !existsSync(file) || / T /.test(readFileSync(file, 'utf8'))
  }
  while (!isStopped()) await sleep(1)
  database?.exec('ROLLBACK')
  database?.close()
}

async function versionsOf({ store: { kind, place }, runs }: RunTask): Promise<readonly (number | undefined)[]> {
  const ids = runs.map(({ id }) => id)
  if (kind === 'file') return fileStore({ directory: place }).versions(ids)
  const store = sqliteStore({ path: place })
  try {
    return await store.versions(ids)
  } finally {
    await store.close()
  }
}

async function promptsOf({ baseUrl, apiKey }: RunTask['videosApi']): Promise<readonly string[]> {
  const prompts: string[] = []
  for (let after = ''; ; ) {
    const response = await fetch(`${baseUrl}/videos?limit=100${after}`, {
      headers: { authorization: `Bearer ${apiKey}` },
    })
    const { data, has_more, last_id } = (await response.json()) as {
      data: { prompt: string }[]
      has_more: boolean
      last_id: string
    }
    prompts.push(...data.map(({ prompt }) => prompt))
    if (!has_more) return prompts
    after = `&after=${last_id}`
  }
}
