import type { PipelineEvent } from '../contracts/events.js'
import { type PipelineResult, type PipelineResultJson, toResultJson } from '../contracts/result.js'
import { RunStateError } from '../contracts/run-errors.js'
import { errorFromJson } from './error-from-json.js'

/**
 * Input of the formats: the events of a run, such as the run of `pipeline.run()`, a stored list of events, or events from a
 * queue. If it has a `result`, that decides when the events break off.
 */
export interface FormattableRun extends AsyncIterable<PipelineEvent> {
  /** The result of the run, for events that break off. */
  readonly result?: PromiseLike<PipelineResult> | undefined
}

/** The result of a run whose events have ended. */
export type RunEnd =
  | PipelineEvent
  | { readonly type: 'events-ended' }
  | { readonly type: 'events-failed'; readonly error: unknown }

/**
 * The result of a run. An existing URL counts even if the events broke off.
 * @throws the rejection of `run.result`, or without a `result` an error created from the last event.
 * @throws RunStateError when the events end without a result.
 */
export async function resultAtEnd(run: FormattableRun, end: RunEnd): Promise<PipelineResultJson> {
  if (end.type === 'run-completed') return end.result
  // Read once: a run may create it on demand.
  const { result } = run
  if (result !== undefined) return toResultJson(await result)
  if (end.type === 'run-failed') throw errorFromJson(end.error, end)
  if (end.type === 'events-failed') throw end.error
  throw new RunStateError('Could not format the run: its events ended before its result')
}
