import { RecordedError } from '../contracts/recorded-error.js'
import { type PipelineResult, toResultJson } from '../contracts/result.js'
import { advanceGenerate } from './generate/generate-stage.js'
import { dropMedia } from './journal/retention.js'
import { advancePublish, advanceResolve, advanceUnpublish, advanceUpload } from './later-stages.js'
import type { RunSession } from './run-session.js'
import type { Step } from './state/run-state.js'
import { traceEndHere } from './tracing/run-trace.js'
import { resultOf } from './video/run-result.js'
import { secureUrl } from './video/secure-url.js'

const STEPS: Readonly<Record<Exclude<Step, 'finish'>, (session: RunSession) => Promise<void> | void>> = {
  generate: advanceGenerate,
  publish: advancePublish,
  resolve: advanceResolve,
  upload: advanceUpload,
  unpublish: advanceUnpublish,
}

/** Takes one step of a run: at most one outside effect, saved by compare-and-set. */
export async function takeStep(session: RunSession): Promise<void> {
  const { step } = session.state
  if (step !== 'finish') await STEPS[step](session)
}

/** Ends a run at its last step, or returns the result of an ended one. */
export async function finishRun(session: RunSession): Promise<PipelineResult> {
  const { log, config, journal } = session
  const { error } = session.state
  // A video that is only behind a key still has its source here: the error is created again with it.
  if (error && error.code !== 'no-usable-url') throw new RecordedError(error)
  if (session.state.status === 'running') await secureUrl(session)
  const endedAt = session.state.endedAt ?? config.clock.now()
  resultOf(session, endedAt) // Throws before the run is saved as completed.
  if (session.state.status === 'running') {
    await journal.save({ status: 'completed', endedAt })
    traceEndHere(session)
    await dropMedia(session)
  }
  const result = resultOf(session, endedAt)
  log.append({ type: 'run-completed', result: toResultJson(result) })
  return result
}

/** Whether the current step is one after the generation with an effect, which no other process may have at the same time. */
export function isConfigured({ config, state }: RunSession): boolean {
  switch (state.step) {
    case 'publish':
      return config.publisher !== undefined
    case 'resolve':
      return config.resolver !== undefined
    case 'upload':
      return config.uploader !== undefined
    case 'unpublish':
      return config.unpublishAfterUpload
    default:
      return false
  }
}
