import { isSoraPipelineError, toErrorJson } from '../../contracts/errors.js'
import type { OpenOptions, VideoSource } from '../../contracts/source.js'
import { UpstreamResponseError } from '../../contracts/upstream-errors.js'
import { raceAbort } from '../../timing/deadline.js'
import { type RunSession, warn } from '../run-session.js'
import { withTrial } from '../state/candidates.js'
import { renewVideo } from './generated-video.js'

/** A source of the video. */
export interface Place {
  /** Resolves to `undefined` if there is no source. Receives the error of the previous place. */
  readonly find: (failure: unknown) => Promise<VideoSource | undefined>
  /** Whether it is the generator's own, which can be polled for a fresh URL of the same file. */
  readonly isOwn: boolean
  /** Length seen there before; a file of another length is another file. */
  readonly byteLength?: number | undefined
  /** Warning when the bytes come from here because the previous place could not be opened. */
  readonly instead?: string
}

/**
 * Combines several places into one source: the first place that opens is used from then on, because the bytes of two places may
 * differ.
 * @param first - Facts about the source before it is opened.
 */
export function firstThatOpens(
  session: RunSession,
  first: Omit<VideoSource, 'open'>,
  places: readonly Place[],
): VideoSource {
  let opened: { readonly source: VideoSource; readonly isOwn: boolean } | undefined

  const openFirst = async (options: OpenOptions | undefined) => {
    let failure: unknown
    for (const { find, isOwn, byteLength, instead } of places) {
      let source: VideoSource | undefined
      try {
        const signal = options?.signal
        source = await (signal ? raceAbort(signal, () => find(failure)) : find(failure))
        if (source === undefined) continue
        if (failure !== undefined && instead !== undefined) {
          const message = `${instead}: ${toErrorJson(failure).message}`
          warn(session, { code: 'source-replaced', message }, 'upload')
        }
        const stream = await source.open(options)
        await refuseOther(stream, source.byteLength ?? byteLength, byteLength)
        opened = { source, isOwn }
        note(session, source, true)
        return stream
      } catch (error) {
        options?.signal?.throwIfAborted()
        if (source && !isOwnRefusal(error)) note(session, source, false)
        failure = error
      }
    }
    throw failure
  }

  // A URL may expire during a transfer. A fresh URL of the generator counts as the same file if the length is the same.
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

/** The fresh URL of the generator, for when the earlier one cannot be opened any more. */
export function renewedPlace(session: RunSession): Place {
  return {
    find: async (failure) => (isPassing(failure) ? undefined : renewedSource(session)),
    isOwn: true,
    instead: 'The fresh URL of the generator is used instead',
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
  session.journal.note({ candidates: withTrial(session.state, url, { didServe, at }) })
}

// The reader retries transient failures itself, such as after a rate limit.
function isPassing(error: unknown): boolean {
  return isSoraPipelineError(error) && error.isRetryable
}

// An address that this machine may not reach may be reachable for others.
function isOwnRefusal(error: unknown): boolean {
  return isSoraPipelineError(error) && error.code === 'network' && 'isRefusal' in error && error.isRefusal === true
}
