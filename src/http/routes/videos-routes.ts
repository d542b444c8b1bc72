import type { VideoRequest } from '../../contracts/request.js'
import type { RunRecord } from '../../pipeline/run-record.js'
import type { Call } from '../call.js'
import { HttpRefusal } from '../http-refusal.js'
import { jsonAnswer, type PlainAnswer } from '../plain-answer.js'
import { ignoredHeader } from '../requests/other-fields.js'
import { readBody } from '../requests/read-body.js'
import { readRemixRequest, readVideosRequest } from '../requests/videos-request.js'
import { RUN_ID_HEADER } from '../run-error.js'
import { modelReader } from './named-model.js'
import { ownedRun, startedRun } from './owned-run.js'
import { startRun } from './start-run.js'
import { isServed, METADATA, videoObject } from './video-object.js'

const DEFAULT_LIMIT = 20
const HIGHEST_LIMIT = 100

/** `POST /videos`: starts a video. */
export async function createVideo(call: Call): Promise<PlainAnswer> {
  const { settings, request, bodies, webhooks, owner } = call
  const body = await readBody(request, bodies)
  const parsed = readVideosRequest(body, {
    readModel: modelReader(settings),
    keepsOthers: settings.prepare !== undefined,
  })
  const { model, webhookUrl, otherFields, meaningful, ignored } = parsed
  if (webhookUrl !== undefined) webhooks.check({ url: webhookUrl, owner })
  const metadata = {
    ...(model !== undefined && { [METADATA.model]: model }),
    ...(webhookUrl !== undefined && { [METADATA.webhookUrl]: webhookUrl }),
  }
  const video = withMetadata(parsed.request, metadata)
  const run = await startRun(call, { video, otherFields, meaningful, route: 'videos', webhookUrl })
  if (webhookUrl !== undefined) webhooks.follow(run, { url: webhookUrl, owner })
  return videoResponse(call, await startedRun(call, run.id), ignored)
}

/** `POST /videos/{id}/remix`: starts a video from another one. */
export async function remixVideo(call: Call, id: string): Promise<PlainAnswer> {
  const { request, bodies, settings } = call
  const body = await readBody(request, bodies)
  const keepsOthers = settings.prepare !== undefined
  const { prompt, otherFields, meaningful, ignored } = readRemixRequest(body, { keepsOthers })
  const original = await ownedRun(call, id)
  const remixOf = original.video?.id
  if (!isServed(original) || remixOf === undefined) throw notReady(original)
  const { model, durationSeconds, size, aspectRatio, metadata = {} } = original.request
  const { [METADATA.webhookUrl]: _, ...kept } = metadata
  const remix: VideoRequest = {
    prompt,
    remixOf,
    ...(model !== undefined && { model }),
    ...(durationSeconds !== undefined && { durationSeconds }),
    ...(size !== undefined && { size }),
    ...(aspectRatio !== undefined && { aspectRatio }),
  }
  const video = withMetadata(remix, { ...kept, [METADATA.remixedFrom]: id })
  const run = await startRun(call, { video, otherFields, meaningful, route: 'remix' })
  return videoResponse(call, await startedRun(call, run.id), ignored)
}

/** `GET /videos/{id}` */
export async function retrieveVideo(call: Call, id: string): Promise<PlainAnswer> {
  return videoResponse(call, await ownedRun(call, id))
}

/** `GET /videos`: those of the caller, page by page. */
export async function listVideos({ runner, owner, url }: Call): Promise<PlainAnswer> {
  const { searchParams } = url
  const limit = limitOf(searchParams.get('limit'))
  const order = searchParams.get('order') ?? 'desc'
  if (order !== 'asc' && order !== 'desc') throw wrongParameter('order', order, 'give asc or desc')
  const after = searchParams.get('after') || undefined
  const query = { owner, order: order === 'asc' ? 'oldest-first' : 'newest-first', after, limit: limit + 1 } as const
  // A limit of 0 needs no store operation, and has no next page.
  const records = limit === 0 ? [] : await runner.list(query)
  const data = records.slice(0, limit).map(videoObject)
  const [first_id, last_id] = [data[0]?.id ?? null, data.at(-1)?.id ?? null]
  return jsonAnswer({ object: 'list', data, first_id, last_id, has_more: records.length > limit })
}

/** `DELETE /videos/{id}`: cancels an unfinished video, and removes any video from lists and lookups. */
export async function deleteVideo(call: Call, id: string): Promise<PlainAnswer> {
  await ownedRun(call, id)
  await call.runner.remove(id)
  return jsonAnswer({ id, object: 'video.deleted', deleted: true })
}

/** The answer to a request for a video that is not ready, or never will be. */
export function notReady(record: RunRecord): HttpRefusal {
  const { status, error, id } = videoObject(record)
  const state = status === 'failed' ? `it failed (${error?.code})` : `it is ${status}`
  const message = `Could not use the video ${id}: ${state}`
  return new HttpRefusal({ status: 404, code: status === 'failed' ? 'video_failed' : 'video_not_ready', message })
}

/** The answer with the object of a video. */
export function videoResponse({ settings }: Call, record: RunRecord, ignored: readonly string[] = []): PlainAnswer {
  const hint = pollHint(record, settings.clock.now())
  const headers = { [RUN_ID_HEADER]: record.id, ...hint, ...ignoredHeader(ignored) }
  return jsonAnswer(videoObject(record), { headers })
}

// The upstream is polled at `wakeAt`; a client that polls a moment later gets the result.
function pollHint({ status, wakeAt, stage }: RunRecord, now: number): Record<string, string> {
  if (status !== 'running') return {}
  const waitMs = stage === 'generate' ? wakeAt - now + 250 : 1000
  return { 'openai-poll-after-ms': String(Math.round(Math.min(10_000, Math.max(500, waitMs)))) }
}

function withMetadata(request: VideoRequest, metadata: Readonly<Record<string, string>>): VideoRequest {
  return Object.keys(metadata).length === 0 ? request : { ...request, metadata: { ...request.metadata, ...metadata } }
}

function limitOf(value: string | null): number {
  if (value === null) return DEFAULT_LIMIT
  const fix = `give a whole number from 0 to ${HIGHEST_LIMIT}`
  if (!/^-?\d{1,9}$/.test(value)) throw wrongParameter('limit', value, fix, 'invalid_type')
  const limit = Number(value)
  if (limit < 0) throw wrongParameter('limit', value, fix, 'integer_below_min_value')
  if (limit > HIGHEST_LIMIT) throw wrongParameter('limit', value, fix, 'integer_above_max_value')
  return limit
}

// The codes are those of OpenAI.
function wrongParameter(param: string, value: string, fix: string, code = 'invalid_value'): HttpRefusal {
  const message = `Could not use ${param}: ${JSON.stringify(value.slice(0, 60))} (${fix})`
  return new HttpRefusal({ status: 400, code, message, param })
}
