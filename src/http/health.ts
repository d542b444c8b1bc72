import type { Clock } from '../contracts/clock.js'
import { withDeadline } from '../timing/deadline.js'
import { HttpRefusal } from './http-refusal.js'
import type { Incoming } from './incoming.js'
import { type Answer, PlainAnswer } from './plain-answer.js'
import type { VideoRunner } from './video-runner.js'

/** The path of the option `healthz: true`. */
export const HEALTH_PATH = '/healthz'

// Shorter than the usual limit of a proxy, longer than the pause of a busy store.
const LIMIT_MS = 2000
const CACHED_MS = 1000
// Reading it changes nothing, and every store answers for an unknown id.
const PROBE_ID = 'healthz'

/** Answers requests to the path of `healthz`. */
export type AnswerHealth = (request: Incoming) => Promise<Answer>

/**
 * Creates the answer of the health check: 200 if the store answered a read within two seconds, else 503, and 503 once the runner
 * closes. An outcome counts for a second, and only one read is pending at a time, so a flood of requests does not reach the store.
 */
export function healthAnswers(runner: Pick<VideoRunner, 'get' | 'isClosing'>, clock: Clock): AnswerHealth {
  let pending: Promise<unknown> | undefined
  let known: { readonly isHealthy: boolean; readonly at: number } | undefined
  let checking: Promise<boolean> | undefined

  const read = () => {
    pending ??= runner.get(PROBE_ID).finally(() => {
      pending = undefined
    })
    return pending
  }

  const check = async () => {
    const error = () => new Error('The store did not answer in time')
    const isHealthy = await withDeadline({ clock, timeoutMs: LIMIT_MS, error }, read).then(
      () => true,
      () => false,
    )
    known = { isHealthy, at: clock.monotonic() }
    checking = undefined
    return isHealthy
  }

  const isHealthy = () => {
    if (known !== undefined && clock.monotonic() - known.at < CACHED_MS) return known.isHealthy
    checking ??= check()
    return checking
  }

  const statusNow = async () => {
    const isUp = runner.isClosing === true || (await isHealthy())
    // The close may have begun during the read.
    if (runner.isClosing === true) return 'closing'
    return isUp ? 'ok' : 'store_unavailable'
  }

  return async ({ method }) => {
    if (method !== 'GET' && method !== 'HEAD') {
      const message = `Could not use the method: ${method} is not allowed here, give GET or HEAD`
      const headers = { allow: 'GET, HEAD' }
      throw new HttpRefusal({ status: 405, code: 'method_not_allowed', message, headers })
    }
    const status = await statusNow()
    const headers = { 'content-type': 'application/json', 'cache-control': 'no-store' }
    const body = JSON.stringify({ status })
    return new PlainAnswer(status === 'ok' ? 200 : 503, headers, method === 'HEAD' ? null : body)
  }
}
