import type { MediaInput, VideoRequest } from '../../contracts/request.js'
import { readBodyText } from '../../upstream/body-text.js'
import type { Call } from '../call.js'
import { HttpRefusal } from '../http-refusal.js'
import type { PlainAnswer } from '../plain-answer.js'
import { readBody } from '../requests/read-body.js'
import { readEditRequest } from '../requests/videos-request.js'
import { ownedRun, startedRun } from './owned-run.js'
import { startRun } from './start-run.js'
import { isServed } from './video-object.js'
import { notReady, videoResponse } from './videos-routes.js'

/** `POST /videos/edits`: starts a video that changes another one. */
export function editVideo(call: Call): Promise<PlainAnswer> {
  return fromVideo(call, 'edits')
}

/** `POST /videos/extensions`: starts a video that continues another one. */
export function extendVideo(call: Call): Promise<PlainAnswer> {
  return fromVideo(call, 'extensions')
}

async function fromVideo(call: Call, route: 'edits' | 'extensions'): Promise<PlainAnswer> {
  const { request, bodies, settings } = call
  const body = await readBody(request, bodies)
  const read = readEditRequest(body, route, { keepsOthers: settings.prepare !== undefined })
  const { prompt, seconds, video: given, otherFields, meaningful, ignored } = read
  const video: VideoRequest = {
    prompt,
    ...(seconds !== undefined && { durationSeconds: seconds }),
    video: typeof given === 'object' && 'id' in given ? await bytesOf(call, given.id) : given,
    providerOptions: { videoInput: route },
  }
  const run = await startRun(call, { video, otherFields, meaningful, route })
  return videoResponse(call, await startedRun(call, run.id), ignored)
}

// The bytes, because the generator of this run may be another one than that of the video.
async function bytesOf(call: Call, id: string): Promise<MediaInput> {
  const { request, sources, settings } = call
  const { signal } = request
  const record = await ownedRun(call, id)
  if (!isServed(record)) throw notReady(record)
  const source = await sources.find(id)
  const { maxBodyBytes } = settings
  const { video, isCut } = await readBodyText({ body: await source.open({ signal }) }, maxBodyBytes, signal)
  if (video !== undefined && !isCut) return { bytes: video, mediaType: source.mediaType ?? 'video/mp4' }
  const reason = isCut ? `it is longer than ${maxBodyBytes} bytes` : 'it is not a video file'
  const message = `Could not use the video ${id}: ${reason}`
  throw new HttpRefusal({ status: 400, code: 'invalid_value', message, param: 'video' })
}
