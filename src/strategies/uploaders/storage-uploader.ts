import { checkOptions, type OptionRules } from '../../contracts/check-options.js'
import { InvalidRequestError } from '../../contracts/input-errors.js'
import { aFunction, aTimeout, required, text, trueOrFalse, whole } from '../../contracts/option-rules.js'
import type { StageContext } from '../../contracts/stage.js'
import { mayHaveBeenAccepted } from '../../contracts/submission.js'
import type { UploadedVideo, Uploader } from '../../contracts/uploader.js'
import { UpstreamResponseError } from '../../contracts/upstream-errors.js'
import { named } from '../option-rules.js'
import { createByteProgress } from './byte-progress.js'
import { clientError } from './client-error.js'
import { type ClientPlace, clientPlace } from './client-place.js'
import { type OpenVideo, openVideo } from './open-video.js'
import { DEFAULT_KEY, keyTaken, keyTemplate, storageKey } from './storage-key.js'
import { sendStreamed } from './streamed-video.js'
import { isTakenKey } from './taken-key.js'
import { uploadRetries } from './upload-retries.js'
import { mediaTypeFor } from './video-media-type.js'

/** One video to store, as `put` gets it. */
export interface StoragePut {
  /** Where it goes, such as `run_1.mp4`: the same in each attempt. */
  readonly key: string
  /** The bytes, once, only as fast as they are read. It fails when the source breaks: let that fail the upload. */
  readonly body: ReadableStream<Uint8Array<ArrayBuffer>>
  /** Such as `video/mp4`. */
  readonly mediaType: string
  /** Length of the body in bytes; `undefined` where the source does not declare it. */
  readonly byteLength: number | undefined
  /** Aborted with the run, and when the attempt takes no bytes for `timeoutMs`. */
  readonly signal: AbortSignal
}

/** Options of `storageUploader`. */
export interface StorageUploaderOptions {
  /** Name in events and messages, such as `blob`. */
  readonly name: string
  /** Name for people, in progress texts. @defaultValue `name` */
  readonly label?: string | undefined
  /**
   * Stores a body under a key with your own client, and gives its URL, or `{ url, id?, byteLength?, expiresAt? }`. Called again with a
   * fresh body after a failure that passes, so let the client itself not retry. Whether it overwrites is up to your client: pass its own
   * condition where it has one.
   */
  readonly put: (video: StoragePut) => ClientPlace | Promise<ClientPlace>
  /**
   * Template of the key: `{runId}`, `{date}` (UTC, `2026-11-23`), `{id}` (a random UUID of this upload) and `{extension}` (`mp4`) are
   * filled in. At most 1,024 bytes. Slashes in the id of a run become `_`.
   * @defaultValue `'{runId}.{extension}'`
   */
  readonly key?: string | undefined
  /**
   * Whether the URL is that of a page or a playlist rather than of the file: `verifyUploads` then takes it.
   * @defaultValue `false`
   */
  readonly givesPageUrl?: boolean | undefined
  /**
   * Time in which `put` takes no byte, or does not settle after the last one, in milliseconds above 0 and at most 2,147,483,647, or
   * `Infinity` for no limit. Past it the attempt has failed. The time in which the source has no bytes does not count.
   * @defaultValue `120_000` (2 min)
   */
  readonly timeoutMs?: number | undefined
  /**
   * How many times `put` is called, a whole number from 1: again after a status of 408, 425, 429, 500, 502 to 504, 520 to
   * 524 or 529, a 409 of two writes at the same moment (`ConditionalRequestConflict`), an error of the network, a timeout, or a retryable error of the library. The
   * waits double from at most 1 s to at most 32 s, with full jitter; after the last call the upload rejects.
   * @defaultValue `3`
   */
  readonly maxAttempts?: number | undefined
}

const WINDOW_BYTES = 262_144

const RULES: OptionRules<StorageUploaderOptions> = {
  ...named,
  name: required(text('give a name')),
  put: required(aFunction),
  key: keyTemplate,
  givesPageUrl: trueOrFalse,
  timeoutMs: aTimeout,
  maxAttempts: whole(1),
}

/**
 * Stores a video with a client of your own: `@aws-sdk/lib-storage`, `@azure/storage-blob`, `@google-cloud/storage`, `@vercel/blob`,
 * Supabase, flydrive, files-sdk, or any other that takes a stream. Each is shown in five lines in `examples/storage-clients.ts`.
 *
 * The key, a fresh body for each attempt, waits and repeats, progress, the abort and the count of the bytes are the library's: `put` has
 * stored the video only when it has read it whole, and when the length that it gives, if any, is that of the video. Memory stays
 * below 1 MB beside what the client itself keeps. A broken source is resumed at the last good byte, unseen by the client.
 *
 * `upload` rejects with what `put` throws where that is an error of the library, and else with `AuthenticationError` (401, 403),
 * `QuotaExceededError` (402, 413, 507), `RateLimitError` (429), `OverloadedError` (503, 529), `InvalidRequestError` (the key is taken: 412,
 * or 400, 409 or no status with words such as `already exists`), `UpstreamHttpError` (any other status), `NetworkError` (an error of the
 * network, or no progress within `timeoutMs`), and `UpstreamResponseError` for anything else: when `put` did not read the body to its end,
 * when it gives no URL or another length, and when the key is taken after an attempt whose answer was lost, which may have stored the
 * video. It rejects with what the source says when that breaks.
 *
 * An abort rejects at once and aborts `signal`; what the client has stored by then is the client's to remove. To check that the URL opens
 * before it counts, set `verifyUploads` of the pipeline.
 *
 * @throws ConfigurationError when an option cannot work, with every problem at once.
 *
 * @example
 * ```ts
 * import { storageUploader } from 'sora-pipeline/strategies'
 *
 * const uploader = storageUploader({
 *   name: 'my-store',
 *   async put({ key, body, mediaType, signal }) {
 *     // Without redirect: 'error' the fetch of Node keeps the whole body in memory.
 *     const how = { method: 'PUT', duplex: 'half', redirect: 'error' } as const
 *     const answer = await fetch(`https://store.example/${key}`, {
 *       ...how,
 *       ...{ body, headers: { 'content-type': mediaType }, signal },
 *     })
 *     if (!answer.ok) throw Object.assign(new Error('refused'), { status: answer.status })
 *     return answer.url
 *   },
 * })
 * console.log(uploader.name) // my-store
 * ```
 */
export function storageUploader(options: StorageUploaderOptions): Uploader {
  checkOptions('storageUploader', options, RULES)
  const { name, label, key: template = DEFAULT_KEY, put, givesPageUrl, timeoutMs = 120_000, maxAttempts = 3 } = options
  const call = `put of ${name}`

  async function settled<T>(run: () => T, key: string): Promise<Awaited<T>> {
    try {
      return await run()
    } catch (error) {
      const failure = clientError(error, call)
      throw isTakenKey(error) ? keyTaken(key, 'let put overwrite', failure) : failure
    }
  }

  async function attempt({ video, key, mediaType }: Attempt, context: StageContext): Promise<UploadedVideo> {
    const progress = createByteProgress(context)
    const streamed = { window: video, progress, context, receiver: name, timeoutMs }
    return sendStreamed(streamed, async ({ stream, signal, isWhole }) => {
      const body = ReadableStream.from(copiesOf(stream.chunks)) as StoragePut['body']
      const given: unknown = await settled(
        () => put({ key, body, mediaType, byteLength: stream.byteLength, signal }),
        key,
      )
      const { byteLength } = video.digest()
      if (!isWhole()) throw unfinished(`${call} settled before it had read the body to its end`)
      const place = clientPlace(given, call)
      if (place.byteLength !== undefined && place.byteLength !== byteLength) {
        throw unfinished(`${call} stored ${place.byteLength} bytes and not ${byteLength}`)
      }
      progress.finish(byteLength)
      return { id: key, ...place, byteLength }
    })
  }

  return {
    name,
    ...(label !== undefined && { label }),
    ...(givesPageUrl !== undefined && { givesPageUrl }),
    async upload(source, context) {
      context.signal.throwIfAborted()
      const first = openVideo(source, context, WINDOW_BYTES)
      let video: OpenVideo | undefined = first
      try {
        const mediaType = mediaTypeFor(source, (await first.at(0)).chunks)
        const key = storageKey(template, context, mediaType)
        const retrying = uploadRetries(maxAttempts, context)
        let isOwn = false
        return await retrying(async () => {
          const current = video ?? openVideo(source, context, WINDOW_BYTES)
          video = undefined
          try {
            return await attempt({ video: current, key, mediaType }, context)
          } catch (error) {
            if (isOwn && error instanceof InvalidRequestError) throw perhapsOwn(key, error)
            // An attempt whose answer was lost may have stored the video.
            isOwn ||= mayHaveBeenAccepted(error)
            throw error
          } finally {
            current.close()
          }
        })
      } finally {
        first.close()
      }
    },
  }
}

interface Attempt {
  readonly video: OpenVideo
  readonly key: string
  readonly mediaType: string
}

// A client may change or transfer what it gets, and pieces may share their memory.
async function* copiesOf(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const piece of pieces) yield new Uint8Array(piece)
}

function perhapsOwn(key: string, cause: InvalidRequestError): UpstreamResponseError {
  const fix = 'let put give the URL where the key has these bytes already'
  const message = `Could not upload the video: its key is taken, perhaps by this very upload: ${key}; ${fix}`
  return new UpstreamResponseError(message, { cause, isRetryable: false })
}

function unfinished(problem: string): UpstreamResponseError {
  return new UpstreamResponseError(`Could not upload the video: ${problem}`)
}
