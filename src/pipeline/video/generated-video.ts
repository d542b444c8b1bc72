import { flawOfStatus } from '../../calling/result-flaws.js'
import { pollTask } from '../../calling/tasks.js'
import { toErrorJson } from '../../contracts/errors.js'
import type { GeneratedVideo } from '../../contracts/generator.js'
import { NetworkError, UpstreamResponseError } from '../../contracts/upstream-errors.js'
import { withDeadline } from '../../timing/deadline.js'
import { generatorOf } from '../generate/submission-place.js'
import { type RunSession, warn } from '../run-session.js'
import { contextOf, openStage } from '../stage-work.js'
import { withGenerated } from '../state/candidates.js'
import { storableVideo } from '../state/run-state.js'
import { handleOf } from '../state/submission.js'

const POLL_TIMEOUT_MS = 30_000

/**
 * The generated video with its source. A source with a key is not in the saved state: after a restart the generator is polled
 * again for it.
 * @throws UpstreamResponseError when the generator no longer has it.
 */
export async function videoOf(session: RunSession): Promise<GeneratedVideo> {
  if (session.video) return session.video
  const { video } = session.state
  if (video?.url !== undefined) return { ...video, url: video.url }
  return askAgain(session)
}

/**
 * Polls the generator for a fresh URL of a video whose URL cannot be opened, because URLs expire. Without a fresh URL it resolves
 * to `undefined` and adds a warning with the reason. Costs one poll; a one-shot generator cannot be polled.
 */
export async function renewVideo(session: RunSession): Promise<GeneratedVideo | undefined> {
  const generator = generatorOf(session.config.generator, session.state.submission)
  if (generator === undefined || !('poll' in generator)) return undefined
  try {
    return await askAgain(session)
  } catch (error) {
    session.signal.throwIfAborted()
    const { message } = toErrorJson(error)
    warn(session, { code: 'video-not-renewed', message }, 'generate', generator.name)
    return undefined
  }
}

async function askAgain(session: RunSession): Promise<GeneratedVideo> {
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
  const limit = { clock, signal: session.signal, timeoutMs: POLL_TIMEOUT_MS, error: () => new NetworkError(late) }
  const work = openStage('generate', session.time.now(), generator)
  const status = await withDeadline(limit, (own) =>
    pollTask(generator, operation, contextOf(session, work, own)),
  ).finally(() => {
    work.isOpen = false
  })
  const flaw = flawOfStatus(status)
  if (flaw !== undefined) {
    const message = `Could not open the video again, the result of poll() of ${generator.name} is unusable: ${flaw}`
    throw new UpstreamResponseError(message)
  }
  if (status.state !== 'completed') {
    throw new UpstreamResponseError(`Could not open the video again, the job at ${generator.name} is: ${status.state}`)
  }
  const { video } = status
  session.video = video
  const { state } = session
  session.journal.note({ video: storableVideo(video), candidates: withGenerated(state, video) })
  return video
}
