import { checkOptions, type OptionRules } from '../../contracts/check-options.js'
import { isSoraPipelineError, type SoraPipelineError } from '../../contracts/errors.js'
import { networkCodeOf } from '../../contracts/network-code.js'
import { aFunction, required, text, trueOrFalse } from '../../contracts/option-rules.js'
import { errorStatusOf, mayHaveBeenAccepted } from '../../contracts/submission.js'
import { errorNamesOf } from '../../contracts/thrown-value.js'
import type { Uploader } from '../../contracts/uploader.js'
import { NetworkError, UpstreamHttpError, UpstreamResponseError } from '../../contracts/upstream-errors.js'
import { raceAbort } from '../../timing/deadline.js'
import { named } from '../option-rules.js'
import { clientError } from './client-error.js'
import { type ClientPlace, clientPlace } from './client-place.js'
import { publicSourceUrl } from './public-source-url.js'

/** One video for a service to fetch, as `ingest` gets it. */
export interface UrlIngest {
  /** Public address of the video. */
  readonly url: string
  /** Id of the run, such as for a key of the service that makes a repeat harmless. */
  readonly runId: string
  /** Such as `video/mp4`, where it is known. */
  readonly mediaType: string | undefined
  /** Where it is known. */
  readonly byteLength: number | undefined
  /** Aborted with the run. */
  readonly signal: AbortSignal
}

/** Options of `urlIngestUploader`. */
export interface UrlIngestUploaderOptions {
  /** Name in events and messages, such as `mux`. */
  readonly name: string
  /** Name for people, in progress texts. @defaultValue `name` */
  readonly label?: string | undefined
  /**
   * Has a service fetch the video, waits until it can be played where that matters, and gives the URL there, or
   * `{ url, id?, byteLength?, expiresAt? }`. Called once: a repeat could make a second copy.
   */
  readonly ingest: (video: UrlIngest) => ClientPlace | Promise<ClientPlace>
  /**
   * Whether the URL is that of a page or a playlist, such as `https://stream.mux.com/ID.m3u8`, rather than of the file: `verifyUploads`
   * then takes it.
   * @defaultValue `false`
   */
  readonly givesPageUrl?: boolean | undefined
}

const RULES: OptionRules<UrlIngestUploaderOptions> = {
  ...named,
  name: required(text('give a name')),
  ingest: required(aFunction),
  givesPageUrl: trueOrFalse,
}

/**
 * Hands the public URL of a video to a service that fetches it itself: Mux, Cloudflare Stream, UploadThing. The bytes do not pass through
 * this process. The services are shown in `examples/storage-clients.ts`.
 *
 * `upload` rejects with `InvalidRequestError` when the video has no public URL, with what `ingest` throws where that is an error of the
 * library, and else as `storageUploader` does: by the HTTP status or the network code of the error. Nothing is repeated. Where the service
 * may have begun (a lost or unreadable answer, 408, 5xx other than 503), the error says so and is not retryable: a second copy may cost. An
 * abort rejects at once and aborts `signal`; what the service has begun stays there, and may cost.
 *
 * Sources: docs.mux.com/api-reference/video/assets/create-asset, developers.cloudflare.com/stream/uploading-videos/upload-via-link,
 * docs.uploadthing.com/api-reference/ut-api (`uploadFilesFromUrl`).
 *
 * @throws ConfigurationError when an option cannot work, with every problem at once.
 *
 * @example
 * ```ts
 * import { urlIngestUploader } from 'sora-pipeline/strategies'
 *
 * const uploader = urlIngestUploader({
 *   name: 'mux',
 *   givesPageUrl: true,
 *   async ingest({ url, signal }) {
 *     const headers = { authorization: 'Basic …', 'content-type': 'application/json' }
 *     const body = JSON.stringify({ inputs: [{ url }], playback_policies: ['public'] })
 *     const answer = await fetch('https://api.mux.com/video/v1/assets', { method: 'POST', headers, body, signal })
 *     if (!answer.ok) throw Object.assign(new Error('refused'), { status: answer.status })
 *     const { data } = (await answer.json()) as { data: { id: string; playback_ids: [{ id: string }] } }
 *     return { id: data.id, url: `https://stream.mux.com/${data.playback_ids[0].id}.m3u8` }
 *   },
 * })
 * console.log(uploader.name) // mux
 * ```
 */
export function urlIngestUploader(options: UrlIngestUploaderOptions): Uploader {
  checkOptions('urlIngestUploader', options, RULES)
  const { name, label, ingest, givesPageUrl } = options
  const call = `ingest of ${name}`
  return {
    name,
    ...(label !== undefined && { label }),
    ...(givesPageUrl !== undefined && { givesPageUrl }),
    async upload(source, context) {
      const { signal, runId } = context
      signal.throwIfAborted()
      const url = publicSourceUrl(source, 'storageUploader')
      const { mediaType, byteLength } = source
      context.report({ phase: 'uploading' })
      let given: unknown
      try {
        given = await raceAbort(signal, async () => ingest({ url, runId, mediaType, byteLength, signal }))
      } catch (error) {
        signal.throwIfAborted()
        throw withoutRepeat(error, clientError(error, call))
      }
      try {
        return clientPlace(given, call)
      } catch (error) {
        throw unlearned(clientError(error, call))
      }
    },
  }
}

// What reading an answer throws.
const UNREAD: ReadonlySet<string> = new Set(['SyntaxError', 'TypeError'])

// A second copy may cost, so only what certainly had no effect may be repeated.
function withoutRepeat(thrown: unknown, error: SoraPipelineError): SoraPipelineError {
  return isUnread(thrown) || (error.isRetryable && mayHaveBeenAccepted(thrown)) ? unlearned(error) : error
}

// The answer may be that of a success.
function isUnread(thrown: unknown): boolean {
  if (isSoraPipelineError(thrown) || networkCodeOf(thrown) !== undefined || errorStatusOf(thrown) !== undefined)
    return false
  return errorNamesOf(thrown).some((name) => UNREAD.has(name))
}

function unlearned(error: SoraPipelineError): SoraPipelineError {
  const message = `Could not learn how the upload ended: ${error.message}; the service may have the video`
  const options = { cause: error, isRetryable: false }
  if (error instanceof NetworkError) return new NetworkError(message, options)
  return error instanceof UpstreamHttpError
    ? new UpstreamHttpError(message, { ...options, status: error.status })
    : new UpstreamResponseError(message, options)
}
