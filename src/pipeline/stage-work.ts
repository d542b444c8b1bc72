import { type AttemptObserver, type ObservedStrategy, withAttemptObserver } from '../contracts/attempt-observer.js'
import { describeValue, toErrorJson } from '../contracts/errors.js'
import { isJson, jsonPartOf } from '../contracts/is-json.js'
import { redact } from '../contracts/secrets/redact.js'
import type { StageContext, StageName, StageProgress, StageWarning } from '../contracts/stage.js'
import { bugNameOf } from '../contracts/submission.js'
import { type HasSignal, underSignal } from '../timing/lazy-signal.js'
import { logLateWarning } from './log-event.js'
import { isRatio, ProgressGauge } from './progress-gauge.js'
import { type RunSession, warn } from './run-session.js'
import { shortened } from './state/attempts.js'
import type { RunProgress } from './state/run-state.js'

/** The current strategy of a stage, and its start. */
export interface StageWork {
  readonly stage: StageName
  readonly startedAt: number
  /** Changes when another strategy of a chain takes over. */
  strategy: ObservedStrategy
  readonly gauge: ProgressGauge
  /** Reports after the end are ignored. */
  isOpen: boolean
}

/** Starts the work on a stage. */
export function openStage(
  stage: StageName,
  startedAt: number,
  strategy: ObservedStrategy,
  gauge = new ProgressGauge(),
): StageWork {
  return { stage, startedAt, strategy, gauge, isOpen: true }
}

/** Fields of the strategy in the events of a stage. */
export function placeOf(stage: StageName, { name, label }: ObservedStrategy) {
  return { stage, strategy: name, ...(label !== undefined && { label }) }
}

/** The context of the strategies of a stage. */
export function contextOf(
  session: RunSession,
  work: StageWork,
  limit: HasSignal,
  observer?: AttemptObserver,
): StageContext {
  const { clock } = session.config
  const context: Omit<StageContext, 'signal'> = {
    runId: session.id,
    clock,
    report: (progress) => {
      try {
        if (typeof progress === 'object' && progress !== null) reportProgress(session, work, progress)
      } catch (error) {
        warnOfBug(session, work.stage, work.strategy.name, error) // A throwing getter of the strategy.
      }
    },
    warn: (warning) => {
      const isWarning = typeof warning === 'object' && warning !== null
      if (!isWarning) return
      if (work.isOpen) warn(session, warning, work.stage, work.strategy.name)
      else logLate(session, work, warning)
    },
  }
  return underSignal(observer ? withAttemptObserver(context, observer) : context, limit)
}

// Such as of a clean-up after an abort.
async function logLate({ config, id }: RunSession, { stage, strategy }: StageWork, warning: StageWarning) {
  const { logger } = config
  if (logger === undefined) return
  try {
    const [code, message] = [String(warning.code), redact(String(warning.message))]
    await logLateWarning(logger, { runId: id, stage, strategy: strategy.name, code, message })
  } catch {
    // No event is left in which an error of the logger could be reported.
  }
}

/** Warns about a bug in the code of a strategy, which a degraded run must not hide. */
export function warnOfBug(session: RunSession, stage: StageName, strategy: string, thrown: unknown): void {
  // Only a bug throws a value that is not an object.
  const bug = bugNameOf(thrown) ?? (Object(thrown) === thrown ? undefined : typeof thrown)
  if (bug === undefined) return
  const said = shortened(toErrorJson(thrown).message, 500)
  const message = `Could not ${stage} with ${strategy}, its code threw ${bug}: ${said}`
  warn(session, { code: 'unexpected-error', message }, stage, strategy)
}

/** Adds a warning about progress that cannot be used, once for each strategy of a stage. */
export function warnOfProgress(
  session: RunSession,
  { stage, strategy }: StageWork,
  wrong: { readonly field: string; readonly value: unknown; readonly fix: string },
): void {
  const code = 'invalid-progress'
  const opening = `Could not use the progress of ${strategy.name}: `
  const isKnown = session.state.warnings.some(
    (known) => known.code === code && known.stage === stage && known.message.startsWith(opening),
  )
  if (isKnown) return
  const message = `${opening}${wrong.field} is ${describeValue(wrong.value)}; ${wrong.fix}`
  warn(session, { code, message }, stage, strategy.name)
}

/** The JSON part of the result of a strategy; other parts are left out with a warning. */
export function savablePart<T>(session: RunSession, { stage, strategy }: StageWork, output: T): T {
  if (isJson(output)) return output
  const message = `Could not save all of the result, a part of it is not JSON: ${strategy.name}`
  warn(session, { code: 'invalid-result', message }, stage, strategy.name)
  return jsonPartOf(output)
}

/** Reports progress of a stage to the readers of the run. */
export function reportProgress(session: RunSession, work: StageWork, progress: StageProgress): void {
  if (!work.isOpen) return
  const { id, config, log } = session
  const { ratio: given } = progress
  if (given !== undefined && given !== null && !isRatio(given))
    warnOfProgress(session, work, { field: 'ratio', value: given, fix: 'give 0 to 1' })
  const { stage, strategy, gauge, startedAt } = work
  const read = gauge.read(strategy.name, progress)
  const { ratio, phase } = read
  const known: RunProgress = { stage, ...(ratio !== undefined && { ratio }), ...(phase !== undefined && { phase }) }
  config.lease.report(id, known)
  const elapsedMs = Math.max(0, session.time.now() - startedAt)
  log.progress({ type: 'stage-progressed', ...placeOf(stage, strategy), ...read, elapsedMs })
}
