import type { Generator } from '../../contracts/generator.js'
import type { MediaInput, VideoRequest } from '../../contracts/request.js'
import { withDeadline } from '../../timing/deadline.js'
import { answerOf } from '../journal/store-calls.js'
import type { RunSession } from '../run-session.js'
import { contextOf, type StageWork } from '../stage-work.js'
import { mediaFields, mediaOf } from '../state/request-media.js'
import { type FetchedMedia, keptMedia, restoredMedia } from '../state/stored-request.js'
import type { ReadySubmission, UnknownSubmission } from '../state/submission.js'
import { askBeforeSubmit } from './before-submit.js'
import { tooLate } from './generate-failure.js'

/** The request of a submission, and the media that was fetched for it; or why the generator cannot take the request. */
export type PreparedRequest =
  | { readonly request: VideoRequest; readonly fetchedMedia?: FetchedMedia | undefined }
  | { readonly refusal: unknown }

/**
 * Lets a generator fetch the media that a request gives as addresses, once for a run: what it fetched is kept as media of the run.
 * Nothing is submitted yet. `beforeSubmit` is asked first.
 * @throws the refusal of `beforeSubmit`; the error of a store that is down; StageTimeoutError when the deadline passes; the reason of an abort.
 */
export async function prepareRequest(
  session: RunSession,
  job: {
    readonly generator: Generator
    readonly submission: ReadySubmission | UnknownSubmission
    readonly work: StageWork
    readonly limitMs: number
  },
): Promise<PreparedRequest> {
  const { generator, submission, work, limitMs } = job
  const { id, journal, state } = session
  const request = await answerOf(() => session.request(), `Could not read the media, the store is down: ${id}`)
  // An unknown submission may be paid already: it was not refused before.
  if (submission.state === 'ready') await askBeforeSubmit(session, request)
  if (!('prepare' in generator) || generator.prepare === undefined) return { request }
  const known = await withFetched(session, request)
  const { clock } = session.config
  const limit = { clock, signal: session.signal, timeoutMs: limitMs, error: () => tooLate(generator, limitMs) }
  let prepared: VideoRequest
  try {
    prepared = await withDeadline(
      limit,
      async (own) => generator.prepare?.(known, contextOf(session, work, own)) ?? known,
    )
  } catch (refusal) {
    session.signal.throwIfAborted()
    return { refusal }
  }
  const given = new Map(mediaOf(prepared))
  const fetched = mediaOf(known).flatMap(([path, address]) => {
    const media = given.get(path)
    return isAddress(address) && typeof media === 'object' ? [{ path, media, kept: keptMedia(media) }] : []
  })
  const merged = withMedia(known, new Map(fetched.map(({ path, media }) => [path, media])))
  const { putMedia } = journal.store
  if (fetched.length === 0 || putMedia === undefined) return { request: merged }
  for (const { kept } of fetched) {
    const put = () => journal.store.putMedia?.(id, kept.stored.sha256, kept.bytes) ?? Promise.resolve()
    await answerOf(put, `Could not keep the media, the store is down: ${id}`)
  }
  const named = Object.fromEntries(fetched.map(({ path, kept }) => [path, kept.stored]))
  return { request: merged, fetchedMedia: { ...state.fetchedMedia, ...named } }
}

// What an earlier submission of the run fetched is sent again, byte for byte.
async function withFetched({ id, state, journal }: RunSession, request: VideoRequest): Promise<VideoRequest> {
  const { fetchedMedia = {} } = state
  const restored = new Map<string, MediaInput>()
  for (const [path, media] of mediaOf(request)) {
    const kept = fetchedMedia[path]
    if (kept === undefined || !isAddress(media)) continue
    const read = () => restoredMedia(id, { path, kept }, journal.store)
    restored.set(path, await answerOf(read, `Could not read the media, the store is down: ${id}`))
  }
  return withMedia(request, restored)
}

function withMedia(request: VideoRequest, replaced: ReadonlyMap<string, MediaInput>): VideoRequest {
  if (replaced.size === 0) return request
  return { ...request, ...mediaFields<MediaInput, MediaInput>(request, (media, path) => replaced.get(path) ?? media) }
}

function isAddress(media: MediaInput | undefined): boolean {
  return typeof media === 'string' && /^https?:/i.test(media)
}
