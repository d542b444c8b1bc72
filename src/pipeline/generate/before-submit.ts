import { BEFORE_SUBMIT } from '../../contracts/before-submit.js'
import {
  describeValue,
  isSoraPipelineError,
  locateError,
  type SoraPipelineError,
  toErrorJson,
} from '../../contracts/errors.js'
import { ConfigurationError } from '../../contracts/input-errors.js'
import type { VideoRequest } from '../../contracts/request.js'
import { QuotaExceededError } from '../../contracts/upstream-errors.js'
import { withDeadline } from '../../timing/deadline.js'
import { copyOfRequest } from '../copy-of-request.js'
import type { RunSession } from '../run-session.js'

const LIMIT_MS = 10_000
const FIELD = 'beforeSubmit()'
// Errors about the request or the caller. Any other error of the library has a meaning for the run.
const REFUSALS: ReadonlySet<string> = new Set([
  ...['quota-exceeded', 'rate-limited', 'content-rejected', 'request-invalid', 'authentication', 'region-unsupported'],
])

/**
 * Asks `beforeSubmit` whether a submission may be sent.
 * @throws the refusal. ConfigurationError when it fails, hangs, or gives no usable answer. RunStateError when the store is down.
 */
export async function askBeforeSubmit(session: RunSession, request: VideoRequest): Promise<void> {
  const { id: runId, config, state, waits } = session
  const { beforeSubmit, clock } = config
  if (beforeSubmit === undefined) return
  const { owner } = state
  const spent = await config.spending.of(owner)
  const late = () => failure('no result', `resolve within ${LIMIT_MS} ms`)
  const answer: unknown = await waits.until(session.signal, (signal) =>
    withDeadline({ clock, signal, timeoutMs: LIMIT_MS, error: late }, async (limit) => {
      const context = { runId, ...(owner !== undefined && { owner }), spent, signal: limit.signal }
      try {
        // What it changes must not be sent: the store has the request as it was, and so has a lookup.
        return await beforeSubmit(copyOfRequest(request), context)
      } catch (error) {
        limit.signal.throwIfAborted()
        throw byCaller(refusalBy(error))
      }
    }),
  )
  if (answer === undefined) return
  if (typeof answer !== 'string' || answer.trim() === '') {
    throw failure(describeValue(answer), 'resolve with a reason to refuse the submission, or with undefined')
  }
  throw byCaller(new QuotaExceededError(`Could not submit the video: ${answer}`, { status: 402 }))
}

// No generator is at fault.
function byCaller<T extends SoraPipelineError>(refusal: T): T {
  return locateError(refusal, { stage: 'generate', strategy: BEFORE_SUBMIT })
}

function refusalBy(error: unknown): SoraPipelineError {
  if (!isSoraPipelineError(error) || !REFUSALS.has(error.code)) {
    const { name, message } = toErrorJson(error)
    const fix = 'throw a QuotaExceededError, or resolve with a reason'
    const problem = { field: FIELD, value: `${name}: ${message}`, fix, hasFailed: true } as const
    return new ConfigurationError('SoraPipeline', [problem], { cause: error })
  }
  const isPlain = error.code === 'quota-exceeded' && !('status' in error && error.status !== undefined)
  return isPlain ? new QuotaExceededError(error.message, { cause: error, status: 402 }) : error
}

function failure(value: string, fix: string): ConfigurationError {
  return new ConfigurationError('SoraPipeline', [{ field: FIELD, value, fix }])
}
