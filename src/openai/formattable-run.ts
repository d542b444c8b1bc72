import type { PipelineEvent } from '../contracts/events.js'
import { type PipelineResult, type PipelineResultJson, toResultJson } from '../contracts/result.js'
import { RunStateError } from '../contracts/run-errors.js'
import { errorFromJson } from './error-from-json.js'

/**
 * What can be formatted: the events of a run, such as the run that `pipeline.run()` gives, a list of events that was kept, or
 * events that came over a queue. When it has a `result`, that settles what the events leave open.
 */
export interface FormattableRun extends AsyncIterable<PipelineEvent> {
  /** What the run comes to, for events that break off. */
  readonly result?: PromiseLike<PipelineResult> | undefined
}

/** What a run came to, once its events ended. */
export type RunEnd =
  | PipelineEvent
  | { readonly type: 'events-ended' }
  | { readonly type: 'events-failed'; readonly error: unknown }

/**
 * The result behind the end of a run. A URL that exists wins over events that broke off.
 * @throws the rejection of `run.result`, or without one an error made of the last event.
 * @throws RunStateError when the events end without a result.
 */
export async function resultAtEnd(run: FormattableRun, end: RunEnd): Promise<PipelineResultJson> {
  if (end.type === 'run-completed') return end.result
  if (run.result !== undefined) return toResultJson(await run.result)
  if (end.type === 'run-failed') throw errorFromJson(end.error, end)
  if (end.type === 'events-failed') throw end.error
  throw new RunStateError('Could not format the run: its events ended before its result')
}
