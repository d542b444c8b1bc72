import type { EventBase, RunCompleted, RunFailed } from '../../contracts/events.js'
import type { GeneratedVideo } from '../../contracts/generator.js'
import { RecordedError } from '../../contracts/recorded-error.js'
import { type PipelineResult, type PipelineResultJson, toResultJson } from '../../contracts/result.js'
import { NoUsableUrlError, RunStateError } from '../../contracts/run-errors.js'
import type { VideoSource } from '../../contracts/source.js'
import { usageOf } from '../../contracts/usage.js'
import type { RunSession } from '../run-session.js'
import { reasonsOf } from '../state/attempts.js'
import { bestCandidate } from '../state/candidates.js'
import { type RunState, reportedUsage } from '../state/run-state.js'
import { handleOf } from '../state/submission.js'
import { videoForResult } from './video-source.js'

/**
 * The result of a run, with the best URL at its end: the uploaded copy, else the resolved URL, else the generator's own. URLs
 * that have expired or could not be opened come last.
 * @throws NoUsableUrlError when the video is only behind a key.
 */
export function resultOf(session: RunSession, endedAt: number): PipelineResult {
  const { state } = session
  const video = videoForResult(session)
  const result = resultWith(state, video, endedAt)
  if (result) return result
  // There is at least a source: a generator without a public URL returned one.
  const source = video.source as VideoSource
  const { attempts, submission } = state
  const reasons = reasonsOf(attempts).join('; ')
  const message =
    reasons === ''
      ? `Could not give a URL, the video is only behind a key and nothing uploaded it: ${video.id}`
      : `Could not give a URL of ${video.id}, it is only behind a key and nothing uploaded it: ${reasons}`
  throw new NoUsableUrlError(message, { source, attempts, handle: handleOf(submission) })
}

/** The same as JSON, from the state only; `undefined` without a public URL. */
export function resultJsonOf(state: RunState, endedAt: number): PipelineResultJson | undefined {
  const result = resultWith(state, (state.video ?? { id: state.id }) as GeneratedVideo, endedAt)
  return result && toResultJson(result)
}

/** The end of a run as the store has it: its last event without a number, and the result or the error. */
export function recordedEnd(state: RunState): RecordedEnd {
  const { id, endedAt = state.startedAt, isAborted = false, upstream } = state
  const json = state.status === 'completed' ? resultJsonOf(state, endedAt) : undefined
  if (json) return { event: { type: 'run-completed', result: json }, result: json as PipelineResult }
  const unknown = new RunStateError(`Could not read the end of the run, its state has none: ${id}`)
  const error = state.error ?? unknown.toJSON()
  const event = { type: 'run-failed', error, isAborted, ...(upstream && { upstream }) } as const
  return { event, error: new RecordedError(error) }
}

interface RecordedEnd {
  readonly event: Omit<RunCompleted, keyof EventBase> | Omit<RunFailed, keyof EventBase>
  /** Without the source of its video. */
  readonly result?: PipelineResult
  readonly error?: RecordedError
}

function resultWith(state: RunState, video: GeneratedVideo, endedAt: number): PipelineResult | undefined {
  const best = bestCandidate(state, endedAt)
  if (best === undefined) return undefined
  const { publication, resolved, uploaded, attempts, warnings, isDegraded } = state
  const usage = usageOf(reportedUsage(state))
  return {
    runId: state.id,
    url: best.url,
    servedBy: best.servedBy,
    video,
    ...(usage && { usage }),
    ...(publication && { publication }),
    ...(resolved && { resolved }),
    ...(uploaded && { uploaded }),
    attempts,
    isDegraded,
    warnings,
    durationMs: Math.max(0, endedAt - state.startedAt),
  }
}
