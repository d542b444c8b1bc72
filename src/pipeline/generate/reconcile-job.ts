import { flawOfFound } from '../../calling/result-flaws.js'
import { toErrorJson } from '../../contracts/errors.js'
import type { Generator } from '../../contracts/generator.js'
import type { JsonValue } from '../../contracts/json.js'
import { networkCodeOf } from '../../contracts/network-code.js'
import { NetworkError } from '../../contracts/upstream-errors.js'
import { withDeadline } from '../../timing/deadline.js'
import { claimFoundJob } from '../journal/claim-job.js'
import { type RunSession, remainingMs, warn } from '../run-session.js'
import { contextOf, type StageWork } from '../stage-work.js'
import { idKey, jobKey } from '../state/job-key.js'
import { sendCountOf } from '../state/send-count.js'
import type { UnknownSubmission } from '../state/submission.js'
import { jobCall } from '../tracing/job-trace.js'
import { isSettled, nextLookupAt } from './inquiry-times.js'
import { type Rivals, rivalsOf } from './rival-runs.js'
import { type Finder, hasFind, isKeyed } from './submission-support.js'
import { idempotencyKeyOf } from './submit-job.js'

const FIND_TIMEOUT_MS = 30_000
const LAST_FIND_MS = 5000
const AGAIN_MS = 2000
// One empty list may be out of date.
const EMPTY_FINDS = 2
// Sends whose answers are lost and that no lookup finds; after more, the run ends in review.
const MOST_ABSENCES = 4
// How much the wall clocks of two processes may differ.
const CLOCKS_MS = 3_600_000

/** Result of a lookup of an unknown submission. `absent`: certainly not accepted; `unclear`: only a person can decide. */
export type Inquiry =
  | { readonly kind: 'found'; readonly operation: JsonValue }
  | { readonly kind: 'absent' }
  /** `flaw`: the flaw of the result of `find`; otherwise `reason` is why only a person can decide. */
  | { readonly kind: 'unclear'; readonly flaw: string }
  | { readonly kind: 'unclear'; readonly reason: string }
  | { readonly kind: 'later'; readonly wakeAt: number; readonly inquiries: number }
  /** It has not settled: what a lookup does not find may still appear. */
  | { readonly kind: 'early'; readonly wakeAt: number }
  | { readonly kind: 'send-again' }

interface Unknown {
  readonly generator: Generator
  readonly submission: UnknownSubmission
  readonly work: StageWork
  /** Whether the deadline has passed. */
  readonly isLast: boolean
}

/** Finds out the outcome of a submission: by its key if the upstream honours keys, else by a lookup of the job. */
export async function reconcileJob(session: RunSession, job: Unknown): Promise<Inquiry> {
  const { generator, submission } = job
  const { inquiries } = submission
  // With keys this costs nothing, however often it is repeated; the deadline of the stage limits it.
  if (isKeyed(generator, submission)) return { kind: 'send-again' }
  if (!hasFind(generator)) return unclear('the generator has no lookup')
  const { clock } = session.config
  const isEarly = !isSettled(session, submission)
  const early = (): Inquiry => ({ kind: 'early', wakeAt: nextLookupAt(session, generator, submission) })
  const later = (count: number): Inquiry => {
    if (isEarly) return early()
    const leftMs = Math.max(0, remainingMs(session, session.config.deadlines.generateMs))
    // The last try is at the deadline, not after it; the second of two empty lists proves something only after a pause.
    const pauseMs = count > inquiries ? AGAIN_MS : Math.min(AGAIN_MS, leftMs)
    return { kind: 'later', wakeAt: clock.now() + pauseMs, inquiries: count }
  }
  let found: readonly JsonValue[] | 'unclear'
  try {
    found = await find(session, generator, job)
  } catch (error) {
    session.signal.throwIfAborted()
    session.lastLookup = { error }
    const message = `Could not look up the job: ${lookupFailure(error)}`
    warn(session, { code: 'lookup-failed', message }, 'generate', generator.name)
    return later(inquiries) // The deadline of the stage limits it.
  }
  if (found === 'unclear') return isEarly ? early() : unclear('the lookup cannot say whether the job exists')
  // The same code would return it again.
  const flaw = flawOfFound(found)
  if (flaw !== undefined) return { kind: 'unclear', flaw }
  let rivals: Rivals = { jobs: [], adopted: [], doubt: 'none', peers: 0 }
  try {
    if (found.length > 0) rivals = await rivalsOf(session, generator, submission)
  } catch (error) {
    const { message } = toErrorJson(error)
    const text = `Could not read other runs with the same prompt: ${message}`
    warn(session, { code: 'lookup-failed', message: text }, 'generate', generator.name)
    return later(inquiries)
  }
  const candidates = found.filter((operation) => !isAmong(operation, rivals.jobs))
  const isAdopted = found.some((operation) => isAmong(operation, rivals.adopted))
  if (isEarly && (isAdopted || !areAllListed(candidates, rivals))) return early()
  // A person adopted a job that no run had: it may be the one that is searched for.
  if (isAdopted) return unclear('the job that was found was adopted by a person')
  // A submission in progress ends with a response, or is lost.
  if (candidates.length > 0 && rivals.doubt === 'sending') return later(inquiries)
  if (candidates.length > 0 && rivals.doubt === 'too-many')
    return unclear('the store has more than 20,000 runs of the last two hours, so a job cannot be assigned')
  if (candidates.length > 0 && rivals.doubt === 'unknown')
    return unclear('the job that was found may be that of another run with this prompt')
  let free: readonly JsonValue[]
  try {
    // Identical requests take one job each; it does not matter which. More jobs than such requests may be of another application.
    const most = candidates.length <= rivals.peers + 1 ? 1 : candidates.length
    free = await unclaimed(session, generator, candidates, most)
  } catch (error) {
    const text = `Could not claim the job: ${toErrorJson(error).message}`
    warn(session, { code: 'store-unavailable', message: text }, 'generate', generator.name)
    return later(inquiries)
  }
  const [first, ...others] = free
  if (others.length > 0) return unclear(`${free.length} jobs that no run has fit the request`)
  if (first !== undefined) return { kind: 'found', operation: first }
  // Another run with an unknown submission has just claimed the remaining job: its decision is not known yet.
  if (candidates.length > 0 && rivals.doubt === 'peer') return later(inquiries)
  if (inquiries + 1 < EMPTY_FINDS) return later(inquiries + 1)
  // A list that never shows what was sent is not the right list, such as one of another project.
  const sends = sendCountOf(submission)
  if (sends <= MOST_ABSENCES) return { kind: 'absent' }
  return unclear(`${sends} submissions without an answer are missing in the list of jobs, each may be paid`)
}

function unclear(reason: string): Inquiry {
  return { kind: 'unclear', reason }
}

// Whether each identical request whose response was lost has a job in the list. With fewer jobs, a request could miss the one that
// this run takes, and be sent again before the job of this run appears.
function areAllListed(jobs: readonly JsonValue[], { doubt, peers }: Rivals): boolean {
  return jobs.length === peers + 1 && (doubt === 'none' || doubt === 'peer')
}

// The jobs that no other run has claimed, at most `most`. They are claimed for this run, so that no other run takes them meanwhile.
// Most lists have the newest first. From the end, a process that continues after a crash tries the job first that it has claimed.
async function unclaimed(
  session: RunSession,
  generator: Generator,
  found: readonly JsonValue[],
  most: number,
): Promise<readonly JsonValue[]> {
  const free: JsonValue[] = []
  const { journal, id } = session
  for (const operation of found.toReversed()) {
    if (free.length === most) break
    if (await claimFoundJob(journal.store, { generator: generator.name, operation }, id)) free.push(operation)
  }
  return free
}

async function find(
  session: RunSession,
  generator: Finder,
  { submission, work, isLast }: Unknown,
): Promise<readonly JsonValue[] | 'unclear'> {
  const { clock } = session.config
  const request = await session.request()
  const leftMs = Math.max(1, remainingMs(session, session.config.deadlines.generateMs))
  const timeoutMs = isLast ? LAST_FIND_MS : Math.min(FIND_TIMEOUT_MS, leftMs)
  const error = () =>
    new NetworkError(`Could not list the jobs of ${generator.name}, no answer within: ${timeoutMs} ms`)
  const limit = { clock, signal: session.signal, timeoutMs, error }
  return withDeadline(limit, (own) =>
    jobCall(session, generator, () =>
      generator.find(request, {
        ...contextOf(session, work, own),
        idempotencyKey: idempotencyKeyOf(session.id, generator.name, submission.number),
        submittedAt: earliestSend(session, submission),
      }),
    ),
  )
}

// By the wall clock of now, which may have stepped, or be that of another machine than the one that sent it.
function earliestSend({ config: { clock }, firstSend }: RunSession, { sentAt }: UnknownSubmission): number {
  const now = clock.now()
  if (firstSend?.wall !== sentAt) return Math.min(sentAt, now) - CLOCKS_MS
  return Math.min(sentAt, Math.floor(now - (clock.monotonic() - firstSend.monotonic)))
}

/** The message of a lookup that failed, with the code of a connection that failed, which `fetch` has only in a cause. */
export function lookupFailure(error: unknown): string {
  const [{ message }, code] = [toErrorJson(error), networkCodeOf(error)]
  return code === undefined || message.includes(code) ? message : `${message} (${code})`
}

// Of a job that another run has, or that a person has adopted, a lookup may know only the id, or more than that run does.
function isAmong(operation: JsonValue, keys: readonly string[]): boolean {
  const byId = idKey(operation)
  return keys.includes(jobKey(operation)) || (byId !== undefined && keys.includes(byId))
}
