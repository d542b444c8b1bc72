import type { RunRecord } from '../../pipeline/run-record.js'
import type { Call } from '../call.js'
import { HttpRefusal } from '../http-refusal.js'
import { METADATA } from './video-object.js'

/**
 * What is known of a run of the caller. One that goes on though no process works on it, as after a restart, is taken up.
 * @throws HttpRefusal for a run that there is not, and for one of somebody else: the two look the same.
 */
export async function ownedRun(call: Pick<Call, 'runner' | 'owner' | 'webhooks'>, id: string): Promise<RunRecord> {
  const { runner, owner, webhooks } = call
  const record = await runner.get(id)
  if (record === undefined || record.owner !== owner) throw noSuchVideo(id)
  if (record.status === 'running' && !record.isAttended) {
    const run = runner.resume(id)
    const url = record.request.metadata?.[METADATA.webhookUrl]
    if (url !== undefined) webhooks.follow(run, { url, owner })
  }
  return record
}

/** The answer to an id that is not known. */
export function noSuchVideo(id: string): HttpRefusal {
  const message = `Could not find the video: ${id.slice(0, 255)}`
  return new HttpRefusal({ status: 404, code: 'video_not_found', message, param: 'video_id' })
}
