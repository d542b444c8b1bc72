import { describeValue, toErrorJson } from '../../contracts/errors.js'
import type { Generator, TaskGenerator } from '../../contracts/generator.js'
import type { JsonValue } from '../../contracts/json.js'
import { lengthOf } from '../../contracts/thrown-value.js'
import { NetworkError } from '../../contracts/upstream-errors.js'
import { withDeadline } from '../../timing/deadline.js'
import { claimJob } from '../journal/claim-job.js'
import { type RunSession, warn } from '../run-session.js'
import { contextOf, type StageWork } from '../stage-work.js'
import type { UnknownSubmission } from '../state/submission.js'
import { type Rivals, rivalsOf } from './rival-runs.js'
import { idempotencyKeyOf } from './submit-job.js'

// Without a word of the generator's own: as long as a submission may take to show in a list after its connection died.
const SETTLE_MS = 30_000
const FIND_TIMEOUT_MS = 30_000
const AGAIN_MS = 2000
// A list that says nothing once may be a list that lags.
const EMPTY_FINDS = 2
const LONGEST_WAIT_MS = 60_000

/** What is known of an unknown submission. `absent`: surely not accepted; `unclear`: only a person can tell. */
export type Inquiry =
  | { readonly kind: 'found'; readonly operation: JsonValue }
  | { readonly kind: 'absent' }
  /** `flaw`: what is wrong with the answer of `find`. */
  | { readonly kind: 'unclear'; readonly flaw?: string }
  | { readonly kind: 'later'; readonly wakeAt: number; readonly inquiries: number }
  | { readonly kind: 'send-again' }

/** Whether a generator has a way to learn what became of a submission. */
export function canReconcile(generator: Generator): generator is TaskGenerator {
  return hasKey(generator) || hasFind(generator)
}

/**
 * When to ask about a submission whose outcome has just become unknown, in epoch milliseconds. Nothing was sent later than now:
 * a sender whose lease has ended does not send any more.
 */
export function inquiryAt(session: RunSession, generator: Generator, submission: UnknownSubmission): number {
  const now = session.config.clock.now()
  const { inquiries } = submission
  if (hasKey(generator)) return now + (inquiries === 0 ? 0 : Math.min(LONGEST_WAIT_MS, AGAIN_MS * 2 ** inquiries))
  const settleMs = 'start' in generator ? (generator.submission?.settleMs ?? SETTLE_MS) : 0
  return now + settleMs
}

/** Asks what became of a submission: by its key where the upstream honours keys, else by looking for the job. */
export async function reconcileJob(
  session: RunSession,
  job: { readonly generator: Generator; readonly submission: UnknownSubmission; readonly work: StageWork },
): Promise<Inquiry> {
  const { generator, submission } = job
  const { inquiries } = submission
  // Where keys are honoured this is free however often it is done; the deadline of the stage bounds it.
  if (hasKey(generator)) return { kind: 'send-again' }
  if (!hasFind(generator)) return { kind: 'unclear' }
  const { clock } = session.config
  const later = (count: number): Inquiry => ({ kind: 'later', wakeAt: clock.now() + AGAIN_MS, inquiries: count })
  let found: readonly JsonValue[] | 'unclear'
  try {
    found = await find(session, generator, job)
  } catch (error) {
    session.signal.throwIfAborted()
    const { message } = toErrorJson(error)
    warn(
      session,
      { code: 'look-up-failed', message: `Could not look for the job: ${message}` },
      'generate',
      generator.name,
    )
    return later(inquiries) // The deadline of the stage bounds it.
  }
  if (found === 'unclear') return { kind: 'unclear' }
  // The same code would give it again.
  if (lengthOf(found) === undefined)
    return { kind: 'unclear', flaw: `it is ${describeValue(found)}; give an array of operations` }
  let rivals: Rivals = { jobs: [], doubt: 'none' }
  try {
    if (found.length > 0) rivals = await rivalsOf(session, generator, submission)
  } catch (error) {
    const { message } = toErrorJson(error)
    const text = `Could not look for other runs with the same prompt: ${message}`
    warn(session, { code: 'look-up-failed', message: text }, 'generate', generator.name)
    return later(inquiries)
  }
  const candidates = found.filter((operation) => !rivals.jobs.includes(JSON.stringify(operation)))
  // A submission under way ends with an answer, or is lost.
  if (candidates.length > 0 && rivals.doubt === 'sending') return later(inquiries)
  if (candidates.length > 0 && rivals.doubt === 'unknown') return { kind: 'unclear' }
  let free: readonly JsonValue[]
  try {
    free = await unclaimed(session, generator, candidates)
  } catch (error) {
    const text = `Could not claim the job: ${toErrorJson(error).message}`
    warn(session, { code: 'store-unavailable', message: text }, 'generate', generator.name)
    return later(inquiries)
  }
  const [first, ...others] = free
  if (others.length > 0) return { kind: 'unclear' }
  if (first !== undefined) return { kind: 'found', operation: first }
  // Another run that is not sure of its own job has just claimed what is left: what it makes of that is not known yet.
  if (candidates.length > 0 && rivals.doubt === 'peer') return later(inquiries)
  return inquiries + 1 < EMPTY_FINDS ? later(inquiries + 1) : { kind: 'absent' }
}

// The jobs that no other run claims; they are claimed for this run, so that no other run takes them meanwhile.
async function unclaimed(
  session: RunSession,
  generator: Generator,
  found: readonly JsonValue[],
): Promise<readonly JsonValue[]> {
  const free: JsonValue[] = []
  const { journal, id } = session
  for (const operation of found) {
    if (await claimJob(journal.store, { generator: generator.name, operation }, id)) free.push(operation)
  }
  return free
}

/**
 * Claims a job so that a lookup of another run does not take it for its own. Resolves to `false` when another run has it already. A
 * store that is down does not stop the run.
 */
export async function claimOwnJob(session: RunSession, generator: Generator, operation: JsonValue): Promise<boolean> {
  try {
    return await claimJob(session.journal.store, { generator: generator.name, operation }, session.id)
  } catch (error) {
    const message = `Could not claim the job: ${toErrorJson(error).code}`
    warn(session, { code: 'store-unavailable', message }, 'generate', generator.name)
    return true
  }
}

async function find(
  session: RunSession,
  generator: TaskGenerator & Required<Pick<TaskGenerator, 'find'>>,
  { submission, work }: { readonly submission: UnknownSubmission; readonly work: StageWork },
): Promise<readonly JsonValue[] | 'unclear'> {
  const { clock } = session.config
  const request = await session.request()
  const error = () =>
    new NetworkError(`Could not ask ${generator.name} for its jobs, no answer within: ${FIND_TIMEOUT_MS} ms`)
  const limit = { clock, signal: session.signal, timeoutMs: FIND_TIMEOUT_MS, error }
  return withDeadline(limit, (signal) =>
    generator.find(request, {
      ...contextOf(session, work, signal),
      idempotencyKey: idempotencyKeyOf(session.id, generator.name, submission.number),
      submittedAt: submission.sentAt,
    }),
  )
}

function hasKey(generator: Generator): boolean {
  return 'start' in generator && generator.submission?.idempotency === 'key'
}

function hasFind(generator: Generator): generator is TaskGenerator & Required<Pick<TaskGenerator, 'find'>> {
  return 'start' in generator && generator.find !== undefined && (generator.submission?.lookup ?? 'none') !== 'none'
}
