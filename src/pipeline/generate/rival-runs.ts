import type { Generator } from '../../contracts/generator.js'
import type { JsonValue } from '../../contracts/json.js'
import { promptWords } from '../../contracts/prompt-words.js'
import { isAnswer, loadRun, type StoredState } from '../journal/store-calls.js'
import { unfinishedRuns } from '../journal/unfinished-runs.js'
import type { RunSession } from '../run-session.js'
import { idKey, jobKey } from '../state/job-key.js'
import type { RunState } from '../state/run-state.js'
import { handleOf, type UnknownSubmission } from '../state/submission.js'
import { settleMsOf } from './inquiry-times.js'

const PAGE = 100
// With more runs, reading their submissions takes too long.
const MOST_RUNS = 20_000
// Runs that are read together.
const READ_TOGETHER = 50
// How long before a submission another run may have started that submitted after it.
const LOOK_BACK_MS = 7_200_000
// How far apart the clocks of two processes and of the upstream may be: a wall clock may step by an hour.
const SKEW_MS = 3_660_000

/** Submissions of other runs with the same prompt at a generator; prompts are the same if their letters and digits are. */
export interface Rivals {
  /** Keys of the jobs of these runs, whole and by the id alone. */
  readonly jobs: readonly string[]
  /** The same of jobs at the generator that were adopted, for any prompt. */
  readonly adopted: readonly string[]
  /**
   * The worst case of a job that another run may have created without knowing it:
   * - `peer`: an identical request whose response was lost as well. Their jobs are interchangeable: claims assign them.
   * - `sending`: a live process waits for the response to its submission.
   * - `unknown`: another request with that prompt, or an ended run whose job a person may search for.
   * - `too-many`: the store has too many runs to decide.
   */
  readonly doubt: Doubt
  /** Number of identical requests whose response was lost as well. */
  readonly peers: number
}

type Doubt = 'none' | 'peer' | 'sending' | 'unknown' | 'too-many'
const WORSE: readonly Doubt[] = ['none', 'peer', 'sending', 'unknown']

/**
 * Reads the submissions of the other runs with the same prompt to a generator: of unfinished runs, and of runs that started in
 * the two hours before the submission or later.
 * @throws RunStateError when the store is down.
 */
export async function rivalsOf(
  session: RunSession,
  generator: Generator,
  submission: UnknownSubmission,
): Promise<Rivals> {
  const ids = await idsToRead(session, submission.sentAt - LOOK_BACK_MS)
  if (ids === 'too-many') return { jobs: [], adopted: [], doubt: 'too-many', peers: 0 }
  const jobs: string[] = []
  const adopted: string[] = []
  let peers = 0
  // A store without a list does not return runs that have ended.
  let doubt: Doubt = session.journal.store.list === undefined ? 'unknown' : 'none'
  for await (const loaded of rivalsIn(session, ids)) {
    const rival = loaded?.state
    // Version 0.1.0 did not save the generator.
    if (rival === undefined || ![generator.name, null].includes(rival.submission?.generator ?? null)) continue
    const ofAdopted = rival.isAdopted ? handleOf(rival.submission) : undefined
    if (ofAdopted) adopted.push(...keysOf(ofAdopted.operation))
    if (!isRival(session.state, rival)) continue
    const handle = handleOf(rival.submission) ?? rival.upstream?.handle
    if (handle) {
      jobs.push(...keysOf(handle.operation))
      continue
    }
    const own = doubtOf(session, loaded as StoredState, { generator, submission })
    if (own === 'peer') peers += 1
    doubt = worse(doubt, own)
  }
  return { jobs, adopted, doubt, peers }
}

function keysOf(operation: JsonValue): readonly string[] {
  return [...new Set([jobKey(operation), idKey(operation)])].filter((key) => key !== undefined)
}

// A lookup may match only by the prompt, as a server may have changed it. An erased run has no prompt, which may have been the same.
function isRival({ request, fingerprint }: RunState, rival: RunState): boolean {
  if (rival.fingerprint === fingerprint || rival.erasedAt !== undefined) return true
  const own = wordsOf(request)
  return wordsOf(rival.request).some((words) => own.includes(words))
}

// A prompt in `providerOptions` is sent in the place of the other.
function wordsOf({ prompt, providerOptions = {} }: RunState['request']): readonly string[] {
  return [prompt, providerOptions.prompt].flatMap((text) => (typeof text === 'string' ? [promptWords(text)] : []))
}

function doubtOf(
  { config, state: own }: RunSession,
  { state: rival, beat }: StoredState,
  job: { readonly generator: Generator; readonly submission: UnknownSubmission },
): Doubt {
  const { submission, status, isAborted = false, worker } = rival
  if (submission?.state !== 'sending' && submission?.state !== 'unknown') return 'none'
  if (status === 'running') {
    const isLive = worker !== undefined && !config.watch.isDead(worker, beat)
    if (submission.state === 'sending' && isLive) return 'sending'
    return rival.fingerprint === own.fingerprint ? 'peer' : 'unknown'
  }
  // The last submission of a failed run was refused; with an unknown outcome the run is in review.
  if (status === 'failed' && !isAborted) return 'none'
  // A submission before the end may be too old to match. The clocks of both times may be wrong.
  const { generator } = job
  const latest = Math.max(rival.endedAt ?? Number.POSITIVE_INFINITY, submission.sentAt)
  const isRecent = latest + settleMsOf(generator) + SKEW_MS >= job.submission.sentAt
  return isRecent ? 'unknown' : 'none'
}

function worse(one: Doubt, other: Doubt): Doubt {
  return WORSE.indexOf(other) > WORSE.indexOf(one) ? other : one
}

async function idsToRead(session: RunSession, since: number): Promise<readonly string[] | 'too-many'> {
  const { config, journal, id } = session
  const running = await unfinishedRuns({ ...config, store: journal.store }, MOST_RUNS, new Map())
  const ids = new Set(running)
  const list = journal.store.list?.bind(journal.store)
  for (let after: string | undefined; list !== undefined && ids.size < MOST_RUNS; ) {
    const page = await list({ order: 'newest-first', after, limit: PAGE, withRemoved: true })
    for (const listed of page) ids.add(listed)
    after = page.at(-1)
    if (after === undefined || page.length < PAGE) break
    const last = await readRival(session, after)
    if (last !== undefined && last.state.startedAt < since) break
  }
  const areAll = ids.size < MOST_RUNS
  ids.delete(id)
  return areAll ? [...ids] : 'too-many'
}

async function* rivalsIn(session: RunSession, ids: readonly string[]): AsyncGenerator<StoredState | undefined> {
  for (let first = 0; first < ids.length; first += READ_TOGETHER) {
    yield* await Promise.all(ids.slice(first, first + READ_TOGETHER).map((id) => readRival(session, id)))
  }
}

// This version did not submit for a run that cannot be read.
async function readRival({ journal }: RunSession, id: string): Promise<StoredState | undefined> {
  try {
    return await loadRun(journal.store, id)
  } catch (error) {
    if (isAnswer(error)) return undefined
    throw error
  }
}
