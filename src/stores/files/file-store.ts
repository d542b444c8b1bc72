import { checkOptions, type OptionRules } from '../../contracts/check-options.js'
import type { DiagnosableStore } from '../../contracts/diagnosable-store.js'
import { listRuns } from '../../contracts/list-runs.js'
import { number, required, text } from '../../contracts/option-rules.js'
import type { PruneQuery, RunStore, StoredRun } from '../../contracts/run-store.js'
import { asStateFailure } from '../state-failure.js'
import { checkNote, checkTtl } from '../store-input.js'
import { claimKey, claimSweep, keepClaims } from './claim-files.js'
import { dueRuns } from './due-runs.js'
import { isEnded } from './ended-markers.js'
import { endedRetention } from './ended-retention.js'
import { filePlaces, runFolder } from './file-places.js'
import { forgetRuns, isForgotten } from './forget-runs.js'
import { inTurn } from './in-turn.js'
import { dropMedia, getMedia, putMedia } from './media-files.js'
import { noteFiles } from './note-files.js'
import { createRun, loadRun, rescheduleRun, saveRun } from './run-files.js'
import { seenRuns } from './seen-runs.js'
import { toStoredText } from './stored-text.js'
import { namesIn } from './version-files.js'
import { readBeat, removeBeat, writeBeat } from './worker-beats.js'
import { readProgress, writeProgress } from './worker-progress.js'

/** Options of {@link fileStore}. */
export interface FileStoreOptions {
  /**
   * Path of the directory of the runs, such as `./runs`; it is created if missing. It must be on a disk of this machine, with a
   * file system that supports hard links.
   */
  readonly directory: string
  /**
   * How long runs that completed or failed are kept after their end, in milliseconds above 0 (finite), by the clock of the
   * machine. Older runs are forgotten, as by `prune`, at most once a minute, after a save that ends a run, without delaying that
   * save. A failure is retried a minute later.
   * @defaultValue until `prune` is called
   */
  readonly keepEndedMs?: number | undefined
}

/**
 * Creates a run store in files, for a few runs at a time, and for one or many processes on one machine. It needs no server and no
 * `close()`. Every operation is a few file system calls: on an SSD a save takes about 3 to 8 ms, mostly for two flushes, and a
 * heartbeat, a report or a reschedule, which are not flushed, about 0.5 ms. For many runs at a time use `sqliteStore`.
 *
 * Contents of the directory:
 * - `runs/`: one folder for each run with its last four versions, each a JSON file such as `runs/order-17-3f…/5.json`: `{ "id":
 *   "order-17", "state": { "status": "running", "wakeAt": 1767225600000, … } }`. A version is flushed to the disk before it
 *   counts, so a crash or a power cut at any instant leaves a complete one. Beside them `5.wake` holds the reschedule of version
 *   5, and empty `.media` files name the media of the run.
 * - `ended/`: an empty file for each run that completed or failed, so that `due` reads only the others. A missing file costs a
 *   read.
 * - `claims/`: one file for each claim; `released/`: a note for each forgotten run, with the time to remove its claims.
 * - `workers/` and `progress/`: one file for each worker, with its last beat and its last reports of running runs. After a power
 *   cut the last beats, reports and reschedules may be missing, which only costs time.
 * - `media/`: bytes by their SHA-256, stored once; `references/`: which of them runs still need.
 * - `notes/`: one file for each note that processes share, such as a webhook that waits to be sent.
 * - `removed/`: folders of forgotten runs during their removal.
 *
 * A dead process leaves no lock behind. The files hold prompts, and only their owner can read them.
 *
 * Runs, media and claims are kept until `prune`, or for `keepEndedMs`. Runs that are running or in review are always kept.
 * `prune` keeps the outcome of a run with a caller's id for 24 hours after the end, and claims for 24 hours after their run was
 * forgotten. Beats and reports of silent workers are removed after an hour. The folder of an ended run may also be removed by
 * hand; its media then stay.
 *
 * `due` lists two directories, about 5 ms for 2,000 ended runs, and lists the folders of the other runs. `list` and `prune` list
 * the folder of every run, whatever their limit, and read the runs that have changed since the last call: 10,000 runs take about
 * half a second, or two seconds in the first call of a process. Forgetting a run takes about 5 ms.
 *
 * Processes of version 0.1.0 may work in the same directory at the same time. They do not see beats, reschedules or reports. An
 * ended run that one of them opens again is due here only after the next `prune`.
 *
 * Every method rejects with a retryable `RunStateError` when the disk is full, read-only or not permitted, and with one that is
 * not retryable when a file is broken or of a later format; the message names the file. A broken file affects no other run, and
 * its run stays due, so that `recover()` reports it. If you remove the broken file, the version before it counts; a submission
 * that only the broken version had may then be paid again.
 *
 * @throws ConfigurationError when `directory` is not a path, or `keepEndedMs` is not a finite number above 0.
 *
 * @example
 * ```ts
 * import { SoraPipeline } from 'sora-pipeline'
 * import { fileStore } from 'sora-pipeline/stores'
 *
 * export const pipeline = new SoraPipeline({
 *   generator: { name: 'mock', generate: async () => ({ id: 'gen_1', url: 'https://cdn.example/a.mp4' }) },
 *   store: fileStore({ directory: './runs', keepEndedMs: 30 * 86_400_000 }),
 * })
 * ```
 */
export function fileStore(
  options: FileStoreOptions,
): Required<Omit<RunStore, 'appendEvents' | 'readEvents' | 'followEvents' | 'takeSlot' | 'keepSlots' | 'restSlots'>> &
  DiagnosableStore {
  checkOptions('fileStore', options, RULES)
  const { directory, keepEndedMs } = options
  const places = filePlaces(directory)
  const seen = seenRuns(places.runs)
  const notes = noteFiles(places)
  const sweepClaims = claimSweep()
  const oneByOne = inTurn()
  const work = <T>(verb: string, subject: string, task: () => Promise<T>) =>
    asStateFailure({ verb, subject, place: places.root }, task)
  // Two prunes at the same time in a process would do the same work twice.
  const forget = (query: PruneQuery) => oneByOne('prune', () => forgetRuns(places, seen, sweepClaims, query))
  const forgetOld = endedRetention(keepEndedMs, (endedBefore, now) => forget({ endedBefore, now }))
  const afterSave = <T>(state: StoredRun, result: T): T => {
    if (isEnded(state)) forgetOld()
    return result
  }

  return {
    durability: { kind: 'file', place: places.root, survives: 'power-cut', sharedBy: 'one-machine' },
    create: async (id, state) => {
      const text = toStoredText({ id, state })
      return work('save the run', id, async () => afterSave(state, await createRun(places, id, text, state)))
    },
    load: (id) =>
      work('read the run', id, async () => {
        const run = await loadRun(places, id)
        if (run === undefined) return undefined
        const { worker, status } = run.state
        const beat = await readBeat(places, worker)
        const progress = status === 'running' ? await readProgress(places, worker, id) : undefined
        return { ...run, ...(progress && { progress }), ...(beat && { beat }) }
      }),
    save: async (id, version, state) => {
      const text = toStoredText({ id, state })
      return work('save the run', id, async () => afterSave(state, await saveRun(places, id, version, text, state)))
    },
    reschedule: (id, version, wakeAt, readings) =>
      work('reschedule the run', id, () => rescheduleRun(places, id, version, wakeAt, readings)),
    claim: (namespace, key, runId) =>
      work(`claim ${key} of ${namespace}`, runId, async () => {
        const isOwn = await claimKey(places, namespace, key, runId)
        const folder = runFolder(places, runId)
        if (isOwn) await keepClaims(places, folder, () => isForgotten(seen, folder))
        return isOwn
      }),
    due: (before, limit, dueOptions = {}) =>
      work('list the runs that are due', 'runs', () => dueRuns(places, seen, [before, limit, dueOptions])),
    heartbeat: async (worker, ttlMs) => {
      checkTtl(ttlMs)
      await work('save the beat', worker, () => oneByOne(`beat ${worker}`, () => writeBeat(places, worker, ttlMs)))
    },
    retire: (worker) =>
      work('remove the beat', worker, () => oneByOne(`beat ${worker}`, () => removeBeat(places, worker))),
    versions: (ids) =>
      work('read the versions', 'runs', async () => {
        const runs = await seen.lookIntoEach(ids.map((id) => runFolder(places, id)))
        return runs.map((run) => (run?.removal === undefined ? run?.version : undefined))
      }),
    report: async (worker, entries) => {
      // As text now, because the caller may change them before they are written.
      const given = structuredClone(entries)
      await work('save the progress', worker, () =>
        oneByOne(`report ${worker}`, () => writeProgress(places, seen, worker, given)),
      )
    },
    list: (query) =>
      work('list the runs', 'runs', async () => {
        const runs = await seen.lookInto(await seen.folders())
        const known = runs.filter(({ removal }) => removal === undefined)
        return listRuns(known, query)
      }),
    putMedia: (runId, sha256, bytes) =>
      work('keep media', runId, () => putMedia(places, runFolder(places, runId), { sha256, bytes })),
    getMedia: (sha256) => work('read media', sha256, () => getMedia(places, sha256)),
    dropMedia: (runId) =>
      work('drop media', runId, async () => {
        const folder = runFolder(places, runId)
        await dropMedia(places, folder, await namesIn(folder))
      }),
    prune: (query) => work('forget runs', 'runs', () => forget(query)),
    readNote: (namespace, key) => work('read the note', key, () => notes.readNote(namespace, key)),
    saveNote: async (namespace, key, version, note) => {
      checkNote(note)
      return work('save the note', key, () => notes.saveNote(namespace, key, version, structuredClone(note)))
    },
    dueNotes: (...query) => work('list the notes that are due', query[0], () => notes.dueNotes(...query)),
  }
}

const RULES: OptionRules<FileStoreOptions> = {
  directory: required(text('give the path of a directory')),
  keepEndedMs: number((value) => value > 0 && Number.isFinite(value), 'give milliseconds above 0'),
}
