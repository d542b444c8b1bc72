import type { Call } from '../call.js'
import { jsonAnswer, PlainAnswer } from '../plain-answer.js'
import { signedContentUrl } from '../routes/content-url.js'
import { ownedRun } from '../routes/owned-run.js'
import { isServed } from '../routes/video-object.js'
import { notReady } from '../routes/videos-routes.js'

/** `GET` and `HEAD /page`: the page for people. It has no data, so it needs no key. */
export async function pageAnswer({ settings, request }: Pick<Call, 'settings' | 'request'>): Promise<PlainAnswer> {
  // Most handlers never serve it.
  const { PAGE_DOCUMENT, PAGE_HEADERS } = await import('./page-document.js')
  if (request.method === 'HEAD') return new PlainAnswer(200, PAGE_HEADERS)
  const isKeyNeeded = settings.apiKeys !== undefined
  return new PlainAnswer(
    200,
    PAGE_HEADERS,
    isKeyNeeded ? PAGE_DOCUMENT.replace('<html', '<html data-key') : PAGE_DOCUMENT,
  )
}

/**
 * `GET /page/{id}`: where the page plays a video, below `basePath`: `{ "play": "videos/video_1/content/1767225600-….mp4"
 * }`. A player sends no key, so the address is signed.
 */
export async function playAddress(call: Call, id: string): Promise<PlainAnswer> {
  const { settings, url } = call
  const record = await ownedRun(call, id)
  if (!isServed(record)) throw notReady(record)
  const { pathname } = new URL(signedContentUrl(settings, url.origin, id))
  return jsonAnswer({ play: pathname.slice(settings.basePath.length + 1) })
}
