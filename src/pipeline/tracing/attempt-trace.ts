import type { ObservedStrategy } from '../../contracts/attempt-observer.js'
import { type SoraPipelineErrorJson, toErrorJson } from '../../contracts/errors.js'
import { jsonPartOf } from '../../contracts/is-json.js'
import type { JsonValue } from '../../contracts/json.js'
import type { StageName } from '../../contracts/stage.js'
import type { HasSignal } from '../../timing/lazy-signal.js'
import type { RunSession } from '../run-session.js'
import { openTrace, type Trace } from './trace.js'
import type { AttemptTrace } from './trace-messages.js'
import { tracedRequest } from './traced-request.js'

/** Starts to report an attempt; `undefined` without a subscriber. */
export function openAttempt(
  { id, state, config }: RunSession,
  stage: StageName,
  strategy: ObservedStrategy & { readonly upstream?: string | undefined },
): Trace<AttemptTrace> | undefined {
  return openTrace<AttemptTrace>('attempt', () => ({
    runId: id,
    stage,
    strategy: strategy.name,
    request: tracedRequest(state.request, config),
    ...(strategy.upstream !== undefined && { upstream: strategy.upstream }),
  }))
}

/** Calls a strategy in the async context of its attempt. An attempt that its deadline cuts short ends then. */
export async function tracedCall<T>(
  session: RunSession,
  {
    stage,
    strategy,
    limit,
  }: { readonly stage: StageName; readonly strategy: ObservedStrategy; readonly limit: HasSignal },
  call: () => Promise<T>,
): Promise<T> {
  const trace = openAttempt(session, stage, strategy)
  if (trace === undefined) return call()
  const { clock } = session.config
  const startedAt = clock.monotonic()
  const end = (outcome: Pick<AttemptTrace, 'result' | 'error'>) =>
    trace.end({ ...outcome, durationMs: Math.round(clock.monotonic() - startedAt) })
  const { signal } = limit
  const cut = () => end({ error: failureOf(session, signal.reason) })
  signal.addEventListener('abort', cut, { once: true })
  try {
    const output = await trace.within(call)
    end({ result: tracedResult(output) })
    return output
  } catch (error) {
    end({ error: failureOf(session, error) })
    throw error
  } finally {
    signal.removeEventListener('abort', cut)
  }
}

/** The JSON part of a result. */
export function tracedResult(output: unknown): JsonValue {
  return jsonPartOf(output as JsonValue)
}

// As the channels carry it.
function failureOf({ callerSignal }: RunSession, thrown: unknown): SoraPipelineErrorJson {
  const error = toErrorJson(thrown)
  return callerSignal.aborted ? { ...error, code: 'aborted' } : error
}
