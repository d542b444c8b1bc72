import type { Generator } from '../../contracts/generator.js'
import { isAnswer, loadRun, type StoredState } from '../journal/store-calls.js'
import { unfinishedRuns } from '../journal/unfinished-runs.js'
import type { RunSession } from '../run-session.js'
import { jobKey } from '../state/job-key.js'
import type { RunState } from '../state/run-state.js'
import { handleOf, type UnknownSubmission } from '../state/submission.js'

const PAGE = 100
// Of more runs it is not known in time what they submitted.
const MOST_RUNS = 2000
// How long before a submission another run may have started that submitted later.
const LOOK_BACK_MS = 7_200_000
// How far the clocks of two processes, or of the upstream, may be apart: a wall clock steps by an hour.
const SKEW_MS = 3_660_000
const SETTLE_MS = 30_000

/** What other runs with the same prompt have at a generator. */
export interface Rivals {
  /** Jobs that they have, as JSON. */
  readonly jobs: readonly string[]
  /** Jobs at the generator that a person let runs adopt, whatever their prompt, as JSON. */
  readonly adopted: readonly string[]
  /**
   * The worst case of what another run may have created without knowing it:
   * - `peer`: an identical request whose answer was lost as well. The jobs of the two are the same to both: claims share them out.
   * - `sending`: a live process waits for the answer to its submission.
   * - `unknown`: another request with that prompt, or a run that has ended, so that a person may look for its job; or the store has too
   *   many runs to tell.
   */
  readonly doubt: Doubt
}

type Doubt = 'none' | 'peer' | 'sending' | 'unknown'
const WORSE: readonly Doubt[] = ['none', 'peer', 'sending', 'unknown']

/**
 * Reads what the other runs of the store with the same prompt submitted to a generator: those that run, and those that started in the
 * two hours before the submission or later.
 * @throws RunStateError when the store is down.
 */
export async function rivalsOf(
  session: RunSession,
  generator: Generator,
  submission: UnknownSubmission,
): Promise<Rivals> {
  const ids = await idsToRead(session, submission.sentAt - LOOK_BACK_MS)
  if (ids === 'too-many') return { jobs: [], adopted: [], doubt: 'unknown' }
  const jobs: string[] = []
  const adopted: string[] = []
  // Of runs that have ended a store without a list says nothing.
  let doubt: Doubt = session.journal.store.list === undefined ? 'unknown' : 'none'
  for (const id of ids) {
    const loaded = await readRival(session, id)
    const rival = loaded?.state
    // Version 0.1.0 did not save where it went.
    if (rival === undefined || ![generator.name, null].includes(rival.submission?.generator ?? null)) continue
    const ofAdopted = rival.isAdopted ? handleOf(rival.submission) : undefined
    if (ofAdopted) adopted.push(jobKey(ofAdopted.operation))
    if (!isRival(session.state, rival)) continue
    const handle = handleOf(rival.submission) ?? rival.upstream?.handle
    if (handle) jobs.push(jobKey(handle.operation))
    else doubt = worse(doubt, doubtOf(session, loaded as StoredState, { generator, submission }))
  }
  return { jobs, adopted, doubt }
}

// A lookup may match by the prompt alone. That of a run that was erased is gone, and could have been the same.
function isRival({ request, fingerprint }: RunState, rival: RunState): boolean {
  const isSame = rival.request.prompt === request.prompt || rival.fingerprint === fingerprint
  return isSame || rival.erasedAt !== undefined
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
  // A run whose last submission was refused; one of an unknown outcome is in review.
  if (status === 'failed' && !isAborted) return 'none'
  // What it sent before its end may be too old to be looked for. Each of the two instants is of a clock that may be wrong.
  const { generator } = job
  const settleMs = 'start' in generator ? (generator.submission?.settleMs ?? SETTLE_MS) : SETTLE_MS
  const latest = Math.max(rival.endedAt ?? Number.POSITIVE_INFINITY, submission.sentAt)
  const isRecent = latest + settleMs + SKEW_MS >= job.submission.sentAt
  return isRecent ? 'unknown' : 'none'
}

function worse(one: Doubt, other: Doubt): Doubt {
  return WORSE.indexOf(other) > WORSE.indexOf(one) ? other : one
}

async function idsToRead(session: RunSession, since: number): Promise<readonly string[] | 'too-many'> {
  const { config, journal, id } = session
  const running = await unfinishedRuns({ ...config, store: journal.store }, MOST_RUNS, new Map())
  const ids = new Set(running)
  const { list } = journal.store
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

// A run that cannot be read is none that this version sent for.
async function readRival({ journal }: RunSession, id: string): Promise<StoredState | undefined> {
  try {
    return await loadRun(journal.store, id)
  } catch (error) {
    if (isAnswer(error)) return undefined
    throw error
  }
}
