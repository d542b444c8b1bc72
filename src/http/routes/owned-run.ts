import { isSoraPipelineError, toErrorJson } from '../../contracts/errors.js'
import { RunStateError } from '../../contracts/run-errors.js'
import type { RunRecord } from '../../pipeline/run-record.js'
import type { Call } from '../call.js'
import { HttpRefusal } from '../http-refusal.js'
import { errorOfRun } from '../run-error.js'
import { METADATA } from './video-object.js'

/**
 * The record of a caller's run. An unfinished run without a live process, as after a restart, is resumed.
 * @throws HttpRefusal for a run that does not exist, and for a run of another owner: the two look the same.
 */
export async function ownedRun(call: Pick<Call, 'runner' | 'owner' | 'webhooks'>, id: string): Promise<RunRecord> {
  const { runner, owner, webhooks } = call
  const record = await runner.get(id)
  if (record === undefined || record.owner !== owner) throw noSuchVideo(id)
  if (record.status === 'running' && !record.isAttended && runner.isClosing !== true) {
    const run = runner.resume(id)
    const url = record.request.metadata?.[METADATA.webhookUrl]
    if (url !== undefined) webhooks.follow(run, { url, owner })
  }
  return record
}

/**
 * The record of the run that a request has started or joined: see {@link ownedRun}. Without an answer of the store the job may still be
 * paid.
 */
export async function startedRun(call: Pick<Call, 'runner' | 'owner' | 'webhooks'>, id: string): Promise<RunRecord> {
  try {
    return await ownedRun(call, id)
  } catch (error) {
    if (!isSoraPipelineError(error)) throw errorOfRun(id, error)
    const { reason } = toErrorJson(error)
    const message = `Could not read the run that was started: ${id}`
    throw errorOfRun(id, new RunStateError(message, { cause: error, ...(reason !== undefined && { reason }) }))
  }
}

/** The answer to an unknown id. */
export function noSuchVideo(id: string): HttpRefusal {
  const message = `Could not find the video: ${id.slice(0, 255)}`
  return new HttpRefusal({ status: 404, code: 'video_not_found', message, param: 'video_id' })
}
