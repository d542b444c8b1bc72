import { describeValue } from '../../contracts/errors.js'
import { InvalidRequestError } from '../../contracts/input-errors.js'
import { isFields } from '../../contracts/is-fields.js'
import type { VideoRequest } from '../../contracts/request.js'
import { RunStateError } from '../../contracts/run-errors.js'
import type { PipelineConfig } from '../pipeline-config.js'
import { mediaOf } from '../state/request-media.js'
import { restoredRequest, type StoredMedia } from '../state/stored-request.js'
import { answerOf, loadRun } from './store-calls.js'

/** Options of a retry. */
export interface RetriedRequest {
  readonly request: VideoRequest
  readonly owner: string | undefined
}

/**
 * The request of a run that has ended, with changes.
 * @throws InvalidRequestError when the changes are none, its media was removed and is not given again, or its prompt was erased.
 * RunStateError when the store does not know the run or is down, or the run has not ended.
 */
export async function retriedRequest(
  { store }: PipelineConfig,
  id: string,
  changes: Partial<VideoRequest>,
): Promise<RetriedRequest> {
  if (!isFields(changes)) {
    refuse('changes', describeValue(changes), 'give an object with fields of the request, or leave it out')
  }
  const state = (await loadRun(store, id))?.state
  if (state === undefined || state.removedAt !== undefined) {
    throw new RunStateError(`Could not retry the run, the store does not know it: ${id}`)
  }
  if (state.status === 'running') throw new RunStateError(`Could not retry the run, it is still running: ${id}`)
  if (state.status === 'needs-review') {
    throw new RunStateError(`Could not retry the run, it is in review; settle it, or a job may be paid twice: ${id}`)
  }
  for (const [path, media] of mediaOf(state.request)) {
    if (path.replace(/\[.*/, '') in changes || typeof media !== 'object') continue
    if (!(await isThere(store, media, id))) refuse(path, `${media.mediaType} of a run that has ended`, 'give it again')
  }
  const own = { ...state.request, ...Object.fromEntries(Object.keys(changes).map((field) => [field, undefined])) }
  const request = await restoredRequest(id, own as typeof state.request, store)
  const changed = { ...request, ...changes }
  if (changed.prompt === '' && !('prompt' in changes)) refuse('prompt', 'erased', 'give it again')
  return { request: changed, owner: state.owner }
}

async function isThere(store: PipelineConfig['store'], { sha256 }: StoredMedia, id: string): Promise<boolean> {
  const read = () => store.getMedia?.(sha256) ?? Promise.resolve(undefined)
  return (await answerOf(read, `Could not read the media of the run, the store is down: ${id}`)) !== undefined
}

function refuse(field: string, value: string, fix: string): never {
  throw new InvalidRequestError([{ field, value, fix }])
}
