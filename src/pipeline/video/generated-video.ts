import { flawOfStatus } from '../../calling/result-flaws.js'
import { pollTask } from '../../calling/tasks.js'
import { toErrorJson } from '../../contracts/errors.js'
import type { GeneratedVideo } from '../../contracts/generator.js'
import { NetworkError, UpstreamResponseError } from '../../contracts/upstream-errors.js'
import { withDeadline } from '../../timing/deadline.js'
import type { HasSignal } from '../../timing/lazy-signal.js'
import { retryAfterMsOf } from '../../timing/retry.js'
import { isPassingPoll, pollFailureOf } from '../generate/poll-failure.js'
import { generatorOf } from '../generate/submission-place.js'
import { type RunSession, warn } from '../run-session.js'
import { contextOf, openStage } from '../stage-work.js'
import { withGenerated } from '../state/candidates.js'
import { storableVideo } from '../state/run-state.js'
import { handleOf } from '../state/submission.js'

const POLL_TIMEOUT_MS = 30_000
// The video is paid: a stage waits out a short outage of the upstream. A reader of bytes has a shorter patience.
const STAGE_WAITS_MS = [1_000, 2_000, 4_000, 8_000, 16_000]
const READER_WAITS_MS = [500, 1_000, 2_000]
const LONGEST_MS = 60_000

/**
 * The generated video with its source. A source with a key is not in the saved state: after a restart the generator is polled
 * again for it. Such a poll is repeated after a failure that may pass: four polls within seconds for a reader of bytes, six within
 * a minute for a stage.
 * @param stage - The limit of the stage that needs the video; absent for a reader of bytes.
 * @throws UpstreamResponseError when the generator no longer has it.
 */
export async function videoOf(session: RunSession, stage?: HasSignal): Promise<GeneratedVideo> {
  if (session.video) return session.video
  const { video } = session.state
  if (video?.url !== undefined) return { ...video, url: video.url }
  return patiently(session, stage?.signal ?? session.signal, stage ? STAGE_WAITS_MS : READER_WAITS_MS)
}

/**
 * Polls the generator for a fresh URL of a video whose URL cannot be opened, because URLs expire. Without a fresh URL it resolves
 * to `undefined` and adds a warning with the reason. Costs one poll, or up to four after failures that may pass; a one-shot
 * generator cannot be polled.
 */
export async function renewVideo(session: RunSession): Promise<GeneratedVideo | undefined> {
  const generator = generatorOf(session.config.generator, session.state.submission)
  if (generator === undefined || !('poll' in generator)) return undefined
  try {
    return await patiently(session, session.signal, READER_WAITS_MS)
  } catch (error) {
    session.signal.throwIfAborted()
    const { message } = toErrorJson(error)
    warn(session, { code: 'video-not-renewed', message }, 'generate', generator.name)
    return undefined
  }
}

// Repeats the poll while its failure may pass. A wait that the upstream requests is a lower bound.
async function patiently(
  session: RunSession,
  signal: AbortSignal,
  waitsMs: readonly number[],
): Promise<GeneratedVideo> {
  const { clock } = session.config
  const startedAt = clock.monotonic()
  for (let failures = 0; ; failures += 1) {
    try {
      return await askAgain(session, signal)
    } catch (error) {
      signal.throwIfAborted()
      const waitMs = Math.max(waitsMs[failures] ?? Number.POSITIVE_INFINITY, retryAfterMsOf(error) ?? 0)
      if (!isPassingPoll(error) || clock.monotonic() - startedAt + waitMs > LONGEST_MS) throw error
      await clock.sleep(waitMs, { signal })
    }
  }
}

async function askAgain(session: RunSession, signal: AbortSignal): Promise<GeneratedVideo> {
  const { clock } = session.config
  const generator = generatorOf(session.config.generator, session.state.submission)
  if (generator === undefined) {
    const message = 'Could not open the video again, the chain of generators has changed since it was generated'
    throw new UpstreamResponseError(message, { isRetryable: false })
  }
  // A one-shot generator returned the video once.
  if (!('poll' in generator)) {
    const { video, candidates = [] } = session.state
    const url = candidates.find(({ servedBy }) => servedBy === 'generator')?.url
    if (video !== undefined && url !== undefined) return { ...video, url }
    const message = `Could not open the video again, the generator returns it only once: ${generator.name}`
    throw new UpstreamResponseError(message, { isRetryable: false })
  }
  const operation = handleOf(session.state.submission)?.operation ?? null
  const late = `Could not poll ${generator.name} for the video, no answer within: ${POLL_TIMEOUT_MS} ms`
  const limit = { clock, signal, timeoutMs: POLL_TIMEOUT_MS, error: () => new NetworkError(late) }
  const work = openStage('generate', session.time.now(), generator)
  const status = await withDeadline(limit, (own) => pollTask(generator, operation, contextOf(session, work, own)))
    .catch((thrown: unknown) => {
      signal.throwIfAborted()
      throw pollFailureOf(generator, thrown)
    })
    .finally(() => {
      work.isOpen = false
    })
  const flaw = flawOfStatus(status)
  if (flaw !== undefined) {
    const message = `Could not open the video again, the result of poll() of ${generator.name} is unusable: ${flaw}`
    throw new UpstreamResponseError(message)
  }
  if (status.state !== 'completed') {
    const message = `Could not open the video again, the job at ${generator.name} is: ${status.state}`
    throw new UpstreamResponseError(message, { isRetryable: status.state !== 'failed' })
  }
  const { video } = status
  session.video = video
  const { state } = session
  session.journal.note({ video: storableVideo(video), candidates: withGenerated(state, video) })
  return video
}
