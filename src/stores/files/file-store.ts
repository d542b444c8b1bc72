import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { describeValue } from '../../contracts/errors.js'
import { ConfigurationError } from '../../contracts/input-errors.js'
import { type ListedRun, listRuns } from '../../contracts/list-runs.js'
import { FencedError, RunStateError } from '../../contracts/run-errors.js'
import type { RunStore, StoredRun } from '../../contracts/run-store.js'
import { asStateFailure } from '../state-failure.js'
import { makeDirectory, writeExclusively } from './exclusive-file.js'
import { fileNameOf } from './file-name-of.js'
import { readStoredText, toStoredText } from './stored-text.js'
import { appendVersion, namesIn, newestOf, readVersion, versionPath, versionsIn } from './version-files.js'

/** Options of {@link fileStore}. */
export interface FileStoreOptions {
  /**
   * Where the runs are kept, such as `./runs`; it is made when it does not exist. On a disk of this machine, with a file system
   * that knows hard links.
   */
  readonly directory: string
}

// Directories that are looked into at once.
const AT_ONCE = 32

/** What `due` and `list` know of a run at a version, which never changes. */
type Seen = ListedRun & Pick<StoredRun, 'status' | 'wakeAt'> & { readonly version: number }

/**
 * Makes a run store in files, for one process or many on one machine. Nothing else has to run, and nothing has to be closed.
 *
 * A run is a directory with its last four versions, each a JSON file such as
 * `runs/order-17-3f…/5.json`: `{ "id": "order-17", "state": { "status": "running", "wakeAt": 1767225600000, … } }`. A version
 * is flushed to the disk before it counts and is never written again, so a crash or a power cut at any instant leaves a whole
 * one. There is no lock that a dead process could leave behind. The files hold prompts, and only their owner can read them.
 *
 * Runs and claims are kept for ever: each is a few kilobytes. The directory of a run that has ended may be removed at any time.
 * `due` and `list` look into the directory of every run, whatever their limit, and read those that have changed since the last
 * look: 10,000 of them take about half a second, or two seconds at the first look of a process.
 *
 * Every method rejects with `RunStateError` when the disk is full, read-only or not allowed, and when a file is broken; the
 * message names it. A run whose newest file is broken stays listed as due, so that `recover()` reports it. Without the broken
 * file the version before it counts; a submission that only the broken one knew of may then be paid again.
 *
 * @throws ConfigurationError when `directory` is no path.
 *
 * @example
 * ```ts
 * import { SoraPipeline } from 'sora-pipeline'
 * import { fileStore } from 'sora-pipeline/stores'
 *
 * export const pipeline = new SoraPipeline({
 *   generator: { name: 'mock', generate: async () => ({ id: 'gen_1', url: 'https://cdn.example/a.mp4' }) },
 *   store: fileStore({ directory: './runs' }),
 * })
 * ```
 */
export function fileStore({ directory }: FileStoreOptions): RunStore {
  if (typeof directory !== 'string' || directory === '') {
    const problem = { field: 'directory', value: describeValue(directory), fix: 'give the path of a directory' }
    throw new ConfigurationError('fileStore', [problem])
  }
  const place = resolve(directory)
  const runs = join(place, 'runs')
  const claims = join(place, 'claims')
  const folderOf = (id: string) => join(runs, fileNameOf(id))
  let seen: ReadonlyMap<string, Seen> = new Map()
  const lookAtAll = async (): Promise<readonly Seen[]> => {
    const names = await namesIn(runs)
    const found = new Map<string, Seen>()
    for (let from = 0; from < names.length; from += AT_ONCE) {
      const some = names.slice(from, from + AT_ONCE)
      const looks = await Promise.all(some.map((name) => look(join(runs, name), seen.get(name))))
      for (const [index, run] of looks.entries()) if (run) found.set(some[index] as string, run)
    }
    seen = found
    return [...found.values()]
  }

  return {
    create: async (id, state) => {
      const text = toStoredText({ id, state })
      return asStateFailure({ verb: 'save the run', subject: id, place }, async () => {
        const folder = folderOf(id)
        await makeDirectory(folder)
        return appendVersion(folder, 1, text)
      })
    },

    load: async (id) =>
      asStateFailure({ verb: 'read the run', subject: id, place }, async () => {
        const folder = folderOf(id)
        for (;;) {
          const version = newestOf(await versionsIn(folder))
          if (version === 0) return undefined
          const text = await readVersion(folder, version)
          // So many newer versions may have come meanwhile that this one was removed.
          if (text === undefined) continue
          const run = readStoredText(text)
          if (run !== undefined) return { version, state: run.state }
          throw new RunStateError(`Could not read the run, its file is broken: ${versionPath(folder, version)}`)
        }
      }),

    save: async (id, version, state) => {
      const text = toStoredText({ id, state })
      return asStateFailure({ verb: 'save the run', subject: id, place }, async () => {
        const folder = folderOf(id)
        if (newestOf(await versionsIn(folder)) === 0) {
          throw new RunStateError(`Could not save the run, the store does not know it: ${id}`)
        }
        if (await appendVersion(folder, version + 1, text)) return version + 1
        throw new FencedError(`Could not save the run, version ${version} is not the newest: ${id}`)
      })
    },

    claim: async (namespace, key, runId) =>
      asStateFailure({ verb: `claim ${key} of ${namespace}`, subject: runId, place }, async () => {
        const path = join(claims, `${fileNameOf(JSON.stringify([namespace, key]))}.json`)
        await makeDirectory(claims)
        const isNew = await writeExclusively(path, `${JSON.stringify({ runId, namespace, key })}\n`)
        return isNew || (await ownerIn(path)) === runId
      }),

    due: async (before, limit) =>
      asStateFailure({ verb: 'look for runs that are due', subject: 'runs', place }, async () =>
        (await lookAtAll())
          .filter(({ status, wakeAt }) => status === 'running' && wakeAt <= before)
          .sort((a, b) => a.wakeAt - b.wakeAt)
          .slice(0, limit)
          .map(({ id }) => id),
      ),

    list: async (query) =>
      asStateFailure({ verb: 'list the runs', subject: 'runs', place }, async () => listRuns(await lookAtAll(), query)),
  }
}

// What a run is at, by its newest version that can be read; `undefined` when there is none.
async function look(folder: string, known: Seen | undefined): Promise<Seen | undefined> {
  const versions = await versionsIn(folder)
  const newest = newestOf(versions)
  if (known?.version === newest) return known
  for (const version of versions.toReversed()) {
    const text = await readVersion(folder, version)
    // One broken file must not hide the other runs; whoever loads this run is told of it.
    const run = text === undefined ? undefined : readStoredText(text)
    if (run === undefined) continue
    const { status, wakeAt, startedAt, owner, removedAt } = run.state
    return { version: newest, id: run.id, status, wakeAt, startedAt, owner, removedAt }
  }
  return undefined
}

async function ownerIn(path: string): Promise<string> {
  const text = await readFile(path, 'utf8')
  const owner = /^\{"runId":("(?:[^"\\]|\\.)*"),/.exec(text)?.[1]
  if (owner === undefined) throw new RunStateError(`Could not read the claim, its file is broken: ${path}`)
  return JSON.parse(owner) as string
}
