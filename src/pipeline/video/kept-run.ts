import { RunStateError } from '../../contracts/run-errors.js'
import type { VideoSource } from '../../contracts/source.js'
import { checkIsText } from '../check-request.js'
import { EventLog } from '../event-log.js'
import { answerOf, isFenced, loadRun } from '../journal/store-calls.js'
import type { PipelineConfig } from '../pipeline-config.js'
import { type OpenVideoOptions, variantOf } from '../run-options.js'
import { RunSession } from '../run-session.js'
import { RunWaits } from '../run-waits.js'
import { toStoredRun } from '../state/stored-run.js'
import { openVariant } from './open-variant.js'
import { servedSource } from './video-source.js'

const SAVE_TRIES = 5

/**
 * The bytes of the video of a run, read from the store, or of a picture of it.
 * @param source - The source of the video in this process, which the store cannot keep.
 * @throws RunStateError when the store does not know the run, it was removed, or it has no video.
 */
export async function openKeptVideo(
  config: PipelineConfig,
  id: string,
  options: OpenVideoOptions,
  source?: VideoSource,
): Promise<VideoSource> {
  checkIsText(id)
  const variant = variantOf(options)
  const { state, version } = await loadKept(config, id)
  if (state.video === undefined) throw new RunStateError(`Could not open the video, the run has none: ${id}`)
  const session = new RunSession({
    config,
    // These events have no reader: the run has its own events.
    log: new EventLog(() => ({ runId: id, at: config.clock.now() })),
    callerSignal: new AbortController().signal,
    state,
    version,
    isNew: false,
    isResident: false,
    waits: new RunWaits(),
  })
  if (variant !== 'video') return openVariant(session, variant)
  if (source) session.video = { ...state.video, id: state.video.id, url: undefined, source }
  return servedSource(session)
}

/**
 * Removes an ended run from lists and lookups. Its state stays in the store, with the jobs that were paid.
 * @throws RunStateError when the store does not know the run, or the run is still running.
 */
export async function removeKept(config: PipelineConfig, id: string): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    const { state, version } = await loadKept(config, id)
    if (state.status === 'running') throw new RunStateError(`Could not remove the run, it is still running: ${id}`)
    try {
      const removed = toStoredRun({ ...state, removedAt: config.clock.now() })
      const message = `Could not remove the run, the store is down: ${id}`
      await answerOf(() => config.store.save(id, version, removed), message)
      return
    } catch (error) {
      if (!isFenced(error) || tries === SAVE_TRIES) throw error
    }
  }
}

async function loadKept({ store }: PipelineConfig, id: string) {
  const kept = await loadRun(store, id)
  if (kept === undefined || kept.state.removedAt !== undefined) {
    throw new RunStateError(`Could not find the run, the store does not know it: ${id}`)
  }
  return kept
}
