import { createHash } from 'node:crypto'
import { startTask } from '../../calling/tasks.js'
import type { Generator, StartedTask } from '../../contracts/generator.js'
import { FencedError } from '../../contracts/run-errors.js'
import { mayHaveBeenAccepted } from '../../contracts/submission.js'
import { withDeadline } from '../../timing/deadline.js'
import { saveState } from '../journal/run-journal.js'
import { holdsLease } from '../journal/worker-lease.js'
import { contextOf, type RunSession, type StageWork } from '../run-session.js'
import type { Submission } from '../state/run-state.js'
import { tooLate } from './generate-failure.js'

/** What a submission came to. `unsent`: this process found out in time that the run is not its own any more. */
export type SubmitOutcome = { readonly durationMs: number } & (
  | { readonly kind: 'accepted'; readonly started: StartedTask }
  | { readonly kind: 'refused' | 'unknown'; readonly error: unknown }
  | { readonly kind: 'unsent' }
)

/**
 * Saves the intent and sends the submission once. Rejects only with what ends the run: an abort, a store that is down before
 * the send, another process that took the run over.
 */
export async function submitJob(
  session: RunSession,
  job: {
    readonly generator: Generator
    readonly submission: Submission
    readonly work: StageWork
    readonly limitMs: number
  },
): Promise<SubmitOutcome> {
  const { generator, submission, work, limitMs } = job
  const { clock } = session.config
  const intent = { ...submission, state: 'intent' as const, intentAt: submission.intentAt ?? clock.now() }
  await saveState(session, { submission: intent })
  const startedAt = clock.monotonic()
  const durationMs = () => clock.monotonic() - startedAt
  const lapsed = new FencedError(`Could not submit, this process does not own the run any more: ${session.id}`)
  const confirm = () => {
    if (!holdsLease(session)) throw lapsed
  }
  // An answer that is under way is heard to its end, also by a process that lost the run meanwhile: nobody else will ever have it.
  const { callerSignal: signal } = session
  const limit = { clock, signal, timeoutMs: limitMs, error: () => tooLate(generator, limitMs) }
  try {
    confirm()
    const started = await withDeadline(limit, (signal) => {
      const idempotencyKey = idempotencyKeyOf(session.id, generator.name, submission.number)
      session.submitting = startTask(generator, session.request, {
        ...contextOf(session, work, signal),
        idempotencyKey,
        confirm,
      })
      return session.submitting
    })
    delete session.submitting
    return { kind: 'accepted', started, durationMs: durationMs() }
  } catch (error) {
    session.signal.throwIfAborted()
    delete session.submitting
    if (error === lapsed) return { kind: 'unsent', durationMs: durationMs() }
    return { kind: mayHaveBeenAccepted(error) ? 'unknown' : 'refused', error, durationMs: durationMs() }
  }
}

/** At most 64 characters, and the same for the same submission in every process. */
export function idempotencyKeyOf(runId: string, generator: string, number: number): string {
  const digest = createHash('sha256')
    .update(JSON.stringify([runId, generator, number]))
    .digest('hex')
  return `sora_${digest.slice(0, 48)}`
}
