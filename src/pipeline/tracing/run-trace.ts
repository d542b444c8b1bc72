import type { SoraPipelineErrorJson } from '../../contracts/errors.js'
import { type PipelineResult, toResultJson } from '../../contracts/result.js'
import type { RunOrigin } from '../journal/open-run.js'
import type { PipelineConfig } from '../pipeline-config.js'
import type { RunSession } from '../run-session.js'
import { endJob } from './job-trace.js'
import { openTrace, type Trace } from './trace.js'
import type { RunTrace } from './trace-messages.js'
import { tracedRequest } from './traced-request.js'
import { readTraceparent } from './traceparent.js'

/** Reports the work of this process on a run; `undefined` without a subscriber. */
export function traceRun(config: PipelineConfig, { id, request, traceparent }: RunOrigin): Trace<RunTrace> | undefined {
  return openTrace<RunTrace>('run', () => ({
    runId: id,
    isResumed: request === undefined,
    ...(request && { request: tracedRequest(request, config) }),
    ...(traceparent !== undefined && { traceparent }),
    isEndedHere: false,
  }))
}

/** The origin of a run with the `traceparent` that a subscriber has set. */
export function tracedOrigin(origin: RunOrigin, trace: Trace<RunTrace> | undefined): RunOrigin {
  const traceparent = readTraceparent(trace?.message.traceparent)
  return traceparent === undefined ? origin : { ...origin, traceparent }
}

/** Adds the fields that are known once the run was created or read. */
export function traceOpened({ trace, state, config, isNew }: RunSession): void {
  if (trace === undefined) return
  const { message } = trace
  message.isResumed = !isNew
  message.request = tracedRequest(state.request, config)
  if (state.traceparent === undefined) delete message.traceparent
  else message.traceparent = state.traceparent
}

/** Marks the run as ended by this process. */
export function traceEndHere({ trace }: RunSession): void {
  if (trace) trace.message.isEndedHere = true
}

/** Reports the result of a run. */
export function traceResult(trace: Trace<RunTrace> | undefined, result: PipelineResult): void {
  trace?.end({ result: toResultJson(result) })
}

/** Reports the failure of the work on a run, after that of an attempt that it cut short. */
export function traceFailure(
  trace: Trace<RunTrace> | undefined,
  session: RunSession | undefined,
  error: SoraPipelineErrorJson,
): void {
  if (session) endJob(session, error.code === 'aborted' ? { error } : {})
  if (trace === undefined) return
  const { message } = trace
  // Nothing of a new run is in the store if it could not be created.
  if (session === undefined && !message.isResumed && error.isRetryable) message.isEndedHere = true
  trace.end({ error })
}
