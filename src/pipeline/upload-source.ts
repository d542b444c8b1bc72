import { isSoraPipelineError, toErrorJson } from '../contracts/errors.js'
import type { OpenOptions, VideoSource } from '../contracts/source.js'
import { UpstreamResponseError } from '../contracts/upstream-errors.js'
import { withTrial } from './candidates.js'
import { renewVideo, videoOf } from './generated-video.js'
import { type RunSession, warn } from './run-session.js'

/** A place to copy the video from. */
interface Place {
  /** Resolves to `undefined` when there is none after all. Told why the place before could not be opened. */
  readonly find: (failure: unknown) => Promise<VideoSource | undefined>
  /** Whether it is the generator's own, which can be asked for another address of the same file. */
  readonly isOwn: boolean
  /** Bytes that were seen there before; a file of another length is another one. */
  readonly byteLength?: number | undefined
  /** Said when the copy is made from here because the place before could not be opened. */
  readonly instead?: string
}

/**
 * What an uploader copies: the resolved video, or when its URL cannot be opened the generated one, or when that has expired what
 * the generator says anew. Once one of them was opened it stays that one, because the bytes of two may differ.
 */
export async function uploadSource(session: RunSession): Promise<VideoSource> {
  const { sourceOfUrl } = session.config
  const { resolved } = session.state
  const { source, url, expiresAt } = await videoOf(session)
  const generated = source ?? sourceOfUrl(url as string, { expiresAt })
  const own: readonly Place[] = [
    { find: async () => generated, isOwn: true, instead: 'The generated video is uploaded instead' },
    {
      find: async (failure) => (isPassing(failure) ? undefined : renewedSource(session)),
      isOwn: true,
      instead: 'The address that the generator tells now is used instead',
    },
  ]
  if (resolved === undefined || resolved.url === generated.url) return firstThatOpens(session, generated, own)
  const { mediaType, byteLength } = resolved
  const mirrored = sourceOfUrl(resolved.url, { mediaType, byteLength, expiresAt: resolved.expiresAt })
  return firstThatOpens(session, mirrored, [{ find: async () => mirrored, isOwn: false, byteLength }, ...own])
}

function firstThatOpens(session: RunSession, first: VideoSource, places: readonly Place[]): VideoSource {
  let opened: { readonly source: VideoSource; readonly isOwn: boolean } | undefined

  const openFirst = async (options: OpenOptions | undefined) => {
    let failure: unknown
    for (const { find, isOwn, byteLength, instead } of places) {
      const source = await find(failure)
      if (source === undefined) break
      if (failure !== undefined && instead !== undefined) {
        const message = `${instead}: ${toErrorJson(failure).message}`
        warn(session, { code: 'source-replaced', message }, 'upload')
      }
      try {
        const stream = await source.open(options)
        await refuseOther(stream, source.byteLength ?? byteLength, byteLength)
        opened = { source, isOwn }
        note(session, source, true)
        return stream
      } catch (error) {
        options?.signal?.throwIfAborted()
        if (!isOwnRefusal(error)) note(session, source, false)
        failure = error
      }
    }
    throw failure
  }

  // An address may expire in the middle of a transfer. What the generator tells anew is the same file when it is as long.
  const openAgain = async ({ source, isOwn }: NonNullable<typeof opened>, options: OpenOptions | undefined) => {
    const { byteLength } = source
    try {
      return await source.open(options)
    } catch (error) {
      options?.signal?.throwIfAborted()
      const isRenewable = isOwn && byteLength !== undefined && !isPassing(error)
      const renewed = isRenewable ? await renewedSource(session) : undefined
      if (renewed === undefined) throw error
      const stream = await renewed.open(options)
      await refuseOther(stream, renewed.byteLength, byteLength)
      opened = { source: renewed, isOwn }
      return stream
    }
  }

  return {
    url: first.url,
    isPublic: first.isPublic,
    get mediaType() {
      return (opened?.source ?? first).mediaType
    },
    get byteLength() {
      return (opened?.source ?? first).byteLength
    },
    get expiresAt() {
      return (opened?.source ?? first).expiresAt
    },
    open: (options) => (opened ? openAgain(opened, options) : openFirst(options)),
  }
}

async function renewedSource(session: RunSession): Promise<VideoSource | undefined> {
  const video = await renewVideo(session)
  return video && (video.source ?? session.config.sourceOfUrl(video.url as string, { expiresAt: video.expiresAt }))
}

async function refuseOther(stream: ReadableStream, found: number | undefined, seen: number | undefined): Promise<void> {
  if (found === seen || seen === undefined) return
  await stream.cancel()
  const lengths = `${found ?? 'an unknown number of'} bytes, where ${seen} were seen`
  throw new UpstreamResponseError(`Could not open the video, it is another file now: ${lengths}`)
}

function note(session: RunSession, { url }: VideoSource, didServe: boolean): void {
  if (url === undefined) return
  const at = session.config.clock.now()
  session.state = { ...session.state, candidates: withTrial(session.state, url, { didServe, at }) }
}

// What passes by itself is for the uploader to try again in its own time, such as after a rate limit.
function isPassing(error: unknown): boolean {
  return isSoraPipelineError(error) && error.isRetryable
}

// An address that this machine may not reach says nothing of those who may.
function isOwnRefusal(error: unknown): boolean {
  return isSoraPipelineError(error) && error.code === 'network' && 'isRefusal' in error && error.isRefusal === true
}
