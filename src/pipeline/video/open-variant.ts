import { describeValue } from '../../contracts/errors.js'
import { RunStateError } from '../../contracts/run-errors.js'
import type { VideoSource, VideoVariant } from '../../contracts/source.js'
import { fieldOf } from '../../contracts/thrown-value.js'
import { NetworkError, UpstreamResponseError } from '../../contracts/upstream-errors.js'
import { withDeadline } from '../../timing/deadline.js'
import { generatorOf } from '../generate/submission-place.js'
import type { RunSession } from '../run-session.js'
import { contextOf, openStage } from '../stage-work.js'
import { handleOf } from '../state/submission.js'

const TIMEOUT_MS = 30_000

/**
 * A picture that the generator of a run has of its video.
 * @throws RunStateError when there is none.
 */
export async function openVariant(session: RunSession, variant: VideoVariant): Promise<VideoSource> {
  const { config, state, id, signal } = session
  const { clock } = config
  const none = () => new RunStateError(`Could not open the ${variant}, the upstream has none for the run: ${id}`)
  const generator = generatorOf(config.generator, state.submission)
  const operation = handleOf(state.submission)?.operation
  if (generator === undefined || !('openVariant' in generator) || operation === undefined) throw none()
  const late = `Could not open the ${variant} at ${generator.name}, no answer within: ${TIMEOUT_MS} ms`
  const limit = { clock, signal, timeoutMs: TIMEOUT_MS, error: () => new NetworkError(late) }
  const work = openStage('generate', session.time.now(), generator)
  const source: unknown = await withDeadline(limit, async (own) =>
    generator.openVariant?.(operation, variant, contextOf(session, work, own)),
  ).finally(() => {
    work.isOpen = false
  })
  if (source === undefined) throw none()
  if (typeof fieldOf(source, 'open') === 'function') return source as VideoSource
  const wrong = `the result of openVariant() of ${generator.name} is ${describeValue(source)}`
  throw new UpstreamResponseError(`Could not open the ${variant}: ${wrong} (give a VideoSource with open())`)
}
