import type { AttemptObserver, ObservedStrategy } from '../contracts/attempt-observer.js'
import { toErrorJson } from '../contracts/errors.js'
import type { Attempt } from '../contracts/result.js'
import type { UploadedVideo, Uploader } from '../contracts/uploader.js'
import type { RunSession } from './run-session.js'
import { placeOf, type StageWork, warnOfBug } from './stage-work.js'
import { failedAttempt } from './state/attempts.js'
import { tracedCall } from './tracing/attempt-trace.js'
import { channels } from './tracing/channels.js'
import type { VerifyUpload } from './verify-upload.js'

/** Records the attempts of a stage: in the state, as events, and the last error for a later deadline. */
export interface StageAttempts {
  readonly observer: AttemptObserver
  readonly lastError: { readonly error: unknown } | undefined
}

/** Starts recording the attempts of a stage. Only in a chain does the strategy change. */
export function observerOf(
  session: RunSession,
  work: StageWork,
  { isChain }: { readonly isChain: boolean },
): StageAttempts {
  const { stage } = work
  const { verifyUpload } = session.config
  let lastError: StageAttempts['lastError']
  const record = (attempt: Attempt) => session.journal.note({ attempts: [...session.state.attempts, attempt] })
  const observer: AttemptObserver = {
    ...(stage === 'upload' && verifyUpload && { verify: verifierOf(verifyUpload) }),
    ...(channels()?.attempt.hasSubscribers && {
      trace: (strategy, limit, call) => tracedCall(session, { stage, strategy, limit }, call),
    }),
    ...(isChain && {
      working: (strategy: ObservedStrategy) => {
        work.strategy = strategy
      },
    }),
    succeeded: ({ strategy, durationMs }) => {
      if (!work.isOpen) return
      work.strategy = strategy
      record({ stage, strategy: strategy.name, outcome: 'succeeded', durationMs })
    },
    failed: ({ strategy, durationMs, error: thrown }) => {
      if (!work.isOpen || session.signal.aborted) return
      lastError = { error: thrown }
      const error = toErrorJson(thrown)
      record(failedAttempt(stage, strategy.name, error, durationMs))
      session.log.append({ type: 'attempt-failed', ...placeOf(stage, strategy), error, durationMs })
      warnOfBug(session, stage, strategy.name, thrown)
    },
    fellBack: (from, next) => {
      if (!work.isOpen) return
      work.strategy = next
      session.log.append({ type: 'fallback-taken', ...placeOf(stage, from), next: next.name })
    },
  }
  return {
    observer,
    get lastError() {
      return lastError
    },
  }
}

// In the stage of uploads every strategy is an uploader.
function verifierOf(verifyUpload: VerifyUpload): NonNullable<AttemptObserver['verify']> {
  return (strategy, output, signal) => verifyUpload(strategy as Uploader, output as UploadedVideo, signal)
}
