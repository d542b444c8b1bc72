import type { Clock } from '../../contracts/clock.js'
import { isSoraPipelineError } from '../../contracts/errors.js'
import { ConfigurationError } from '../../contracts/input-errors.js'
import { coreOfPipeline } from '../../pipeline/pipeline-cores.js'
import { HttpRefusal } from '../http-refusal.js'
import type { Incoming } from '../incoming.js'
import { type Answer, PlainAnswer } from '../plain-answer.js'
import { readBoundedBytes } from '../requests/bounded-bytes.js'
import type { BodyReading } from '../requests/read-body.js'
import type { VideoRunner } from '../video-runner.js'
import { warnOnce } from '../warn-once.js'
import { needsOtherSecret } from '../webhooks/create-wake-url.js'
import { incomingWakes } from '../webhooks/incoming-wakes.js'
import { isWakeToken, runIdOfToken } from '../webhooks/wake-token.js'

/** Options of the route. */
export interface WakeRouteOptions {
  readonly runner: VideoRunner
  /** `undefined` where the handler has none, so that no token can be valid. */
  readonly contentSecret: string | undefined
  readonly bodies: BodyReading
  readonly clock: Clock
  readonly onError: (error: unknown) => void
}

/** Answers `POST /wake/{token}`. */
export type WakeRoute = (request: Incoming, token: string) => Promise<Answer>

const WAKE_SECRET = 'Could not accept the webhooks that wakeUrl of the pipeline announces to upstreams'
const WAKE_FIX = 'Give createHandler the contentSecret of createWakeUrl; until then jobs are only polled'
const TAKEN = new PlainAnswer(204, {})

/**
 * Creates the route at which an upstream announces that a job changed; `undefined` for a runner without `wake`. The token alone
 * counts: the body is read to its end and ignored, and so is every header. A run that has ended, or that the store does not
 * know, is answered like any other.
 */
export function wakeRoute(options: WakeRouteOptions): WakeRoute | undefined {
  const { runner, contentSecret, bodies, clock, onError } = options
  if (runner.wake === undefined) return undefined
  if (needsOtherSecret(coreOfPipeline(runner)?.wakeUrl, contentSecret)) {
    const state = contentSecret === undefined ? 'is missing' : 'is not that of wakeUrl'
    warnOnce('SORA_PIPELINE_WAKE_SECRET', `${WAKE_SECRET}: contentSecret of createHandler ${state}. ${WAKE_FIX}`)
  }
  const wakes = incomingWakes({ wake: async (id) => runner.wake?.(id) }, clock)
  let isReported = false

  return async (request, token) => {
    const runId = contentSecret === undefined ? undefined : runIdOfToken(contentSecret, token)
    if (contentSecret === undefined && isWakeToken(token) && !isReported) {
      isReported = true
      onError(noSecret())
    }
    if (runId === undefined) {
      const message = 'Could not wake a run: the token of the address is not valid'
      throw new HttpRefusal({ status: 404, code: 'unknown_url', message })
    }
    const woken = wakes.wake(runId).catch(unlessItIsOver)
    woken.catch(() => undefined) // Awaited below, unless the body cannot be read.
    await drain(request, bodies)
    await woken
    return TAKEN
  }
}

async function drain(request: Incoming, { maxBytes, time, shareOf }: BodyReading): Promise<void> {
  const share = shareOf?.()
  try {
    await readBoundedBytes(request, { maxBytes, time, share })
  } finally {
    share?.release()
  }
}

// The sender may send again while the store is down. What else the library reports about a run is not for an upstream.
function unlessItIsOver(error: unknown): void {
  const isAnswer = isSoraPipelineError(error) && !('reason' in error && error.reason !== undefined)
  if (!isAnswer) throw error
}

function noSecret(): ConfigurationError {
  const fix = 'give the secret of createWakeUrl: without it no webhook of an upstream is accepted'
  return new ConfigurationError('createHandler', [{ field: 'contentSecret', value: 'missing', fix }])
}
