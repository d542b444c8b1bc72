import { checkOptions, type OptionProblem, type OptionRules, optionProblem } from '../../contracts/check-options.js'
import { aTimeout, choice, required, ruleOf, text, whole } from '../../contracts/option-rules.js'
import type { VideoSource } from '../../contracts/source.js'
import type { StageContext } from '../../contracts/stage.js'
import type { UploadedVideo, Uploader } from '../../contracts/uploader.js'
import { raceAbort } from '../../timing/deadline.js'
import { createApi } from '../../upstream/api.js'
import { endpointOf } from '../../upstream/endpoint-of.js'
import type { Fetch } from '../../upstream/outgoing-request.js'
import type { ApiCredential } from '../../upstream/secret.js'
import { addressProblem, aFetch, credential, named } from '../option-rules.js'
import { createByteProgress } from './byte-progress.js'
import { type OpenVideo, openVideo } from './open-video.js'
import { DEFAULT_KEY, encodedKey, keyTemplate, storageKey } from './storage-key.js'
import { mediaTypeFor } from './video-media-type.js'
import { removeTemporary, tidyWebdav, type WebdavLeft } from './webdav-leftovers.js'
import type { WebdavFolder } from './webdav-requests.js'
import { storeFile } from './webdav-transfer.js'

/** Options of `webdavUploader`. */
export interface WebdavUploaderOptions {
  /**
   * Name in events and messages.
   * @defaultValue `'webdav'`
   */
  readonly name?: string | undefined
  /** Name for people, in progress texts. @defaultValue `name` */
  readonly label?: string | undefined
  /** Address of the folder, which has to exist: `https://cloud.example/remote.php/dav/files/anna/videos`. */
  readonly baseUrl: string
  /** Name of the user, with `password`, for Basic authentication. @defaultValue none */
  readonly user?: string | undefined
  /** Password of the user. A function is called before each request. It goes to the origin of `baseUrl` only. @defaultValue none */
  readonly password?: ApiCredential | undefined
  /** Sent as `Authorization: Bearer`, in place of `user` and `password`. A function is called before each request. @defaultValue none */
  readonly apiKey?: ApiCredential | undefined
  /**
   * Address under which anyone can open the folder: `https://media.example/videos`. Required with a user or an API key: the address of the
   * folder itself opens for no one else.
   * @defaultValue `baseUrl`
   */
  readonly publicBaseUrl?: string | undefined
  /**
   * Template of the path below the folder: `{runId}`, `{date}` (UTC, `2026-11-23`), `{id}` (a random UUID of this upload) and
   * `{extension}` (`mp4`) are filled in. Folders in it are made. At most 1,024 bytes. Slashes in the id of a run become `_`.
   * @defaultValue `'{runId}.{extension}'`
   */
  readonly key?: string | undefined
  /**
   * What happens when a file of that path exists: `fail` leaves it and rejects, `overwrite` replaces it.
   * @defaultValue `'fail'`
   */
  readonly onExisting?: 'fail' | 'overwrite' | undefined
  /**
   * Time limit of one request with its answer, in milliseconds above 0 and at most 2,147,483,647, or `Infinity` for no limit. For the video
   * itself, the time without a byte taken. Past it the request is repeated.
   * @defaultValue `120_000` (2 min)
   */
  readonly timeoutMs?: number | undefined
  /**
   * How many attempts are made for one request, or the video, after a cut, a timeout, 423, 429 or 5xx; a whole number from 1. After the
   * last one the upload rejects. The waits double from at most 1 s to at most 32 s, with full jitter; a `Retry-After` of up to 60 s is
   * added, and a longer one ends the upload.
   * @defaultValue `6`
   */
  readonly maxAttempts?: number | undefined
  /**
   * Called in place of the platform's `fetch`, with the address as a string.
   * @defaultValue `globalThis.fetch`
   */
  readonly fetch?: Fetch | undefined
}

const WINDOW_BYTES = 1_048_576

const RULES: OptionRules<WebdavUploaderOptions> = {
  ...named,
  baseUrl: required(folderAddress('"https://cloud.example/dav/videos"', 'user and password')),
  user: text('give the name of the user'),
  password: ruleOf((field, value) =>
    typeof value === 'function' || (typeof value === 'string' && value !== '')
      ? undefined
      : { field, value: 'unusable', fix: 'give the password of the user' },
  ),
  apiKey: credential,
  publicBaseUrl: folderAddress('"https://media.example/videos"', 'an address that anyone can open'),
  key: keyTemplate,
  onExisting: choice('fail', 'overwrite'),
  timeoutMs: aTimeout,
  maxAttempts: whole(1),
  fetch: aFetch,
}

/**
 * Stores a video on a WebDAV server, such as Nextcloud, ownCloud, Apache, Caddy or rclone. `id` of the result is the path below the
 * folder. Memory stays at 1 MiB, whatever the size; a video of unknown length is sent in chunks.
 *
 * The video is written to a hidden temporary file beside its place, its length is compared, and only then it is moved (`MOVE` with
 * `Overwrite: F`), so that no one sees half of it and nothing is overwritten unless `onExisting` says so. A server that ignores
 * `Overwrite: F` is protected by the lookup before alone: two uploads of one path at the same moment replace each other there. After the
 * move the file is looked up at its path, so a page under status 200 does not count as stored. WebDAV cannot resume: after a cut or an
 * error of the server the video is sent again from its first byte. A broken source is resumed at the last good byte. When the answer to
 * the move is lost, both paths are looked up before the file is moved again.
 *
 * `upload` rejects with
 * - `AuthenticationError` when the credentials are refused, or may not write.
 * - `ConfigurationError` when the folder does not exist.
 * - `InvalidRequestError` when the path is taken.
 * - `QuotaExceededError` when the store is full, or the video larger than the server takes.
 * - `OverloadedError`, `RateLimitError`, `NetworkError` and `UpstreamHttpError` when every attempt failed, or at once where the server
 *   has no `MOVE`, or takes no video of unknown length (411).
 * - `UpstreamResponseError` when the server stored another length, answers with a page, or has the file at another path after the move,
 *   as wsgidav has with `;` in a path, and when the source is empty or has another length than it declares.
 *
 * A failure removes the temporary files, and a file that is surely of this upload. A removal that is refused for a moment (423, 5xx) is
 * repeated once a second, for 5 s; a `warning` says when that fails. An abort rejects at once and does the same in the background. A server
 * may make a temporary file only after its client has left: the removal is repeated for at most 15 s, until it was seen to succeed or the
 * file has been missing for 8 s. A process that is killed leaves a file whose name begins with a dot and ends in `.part`.
 *
 * Source: RFC 4918 (`MKCOL`, `MOVE`, `Overwrite`, 409, 423, 507).
 *
 * @throws ConfigurationError when an option cannot work, with every problem at once.
 *
 * @example
 * ```ts
 * import { webdavUploader } from 'sora-pipeline/strategies'
 *
 * const uploader = webdavUploader({
 *   baseUrl: 'https://cloud.example/remote.php/dav/files/anna/videos',
 *   user: 'anna',
 *   password: 'an app password',
 *   publicBaseUrl: 'https://media.example/videos',
 * })
 * console.log(uploader.name) // webdav
 * ```
 */
export function webdavUploader(options: WebdavUploaderOptions): Uploader {
  checkOptions('webdavUploader', options, RULES, furtherProblems)
  const { name = 'webdav', label, baseUrl, user, password, apiKey, fetch, key: template = DEFAULT_KEY } = options
  const { publicBaseUrl = baseUrl, onExisting = 'fail', timeoutMs = 120_000, maxAttempts = 6 } = options
  const login = user === undefined || password === undefined ? undefined : { user, password }
  const api = createApi({ subject: name, baseUrl, apiKey, login, fetch })
  const folder: WebdavFolder = { api, onExisting, timeoutMs, maxAttempts, made: new Set() }

  async function uploadTo(source: VideoSource, context: StageContext, video: OpenVideo): Promise<UploadedVideo> {
    const { signal } = context
    // Before anything is asked of the server: a source that cannot be read costs no request, and its first bytes show its type.
    const mediaType = mediaTypeFor(source, (await video.at(0)).chunks)
    const key = storageKey(template, context, mediaType)
    const left: WebdavLeft = { temporary: new Set(), unanswered: new Set(), moved: 'no' }
    const transfer = { folder, key, mediaType, source, video, progress: createByteProgress(context), context, left }
    const warn = () => {
      const message = `Could not remove the unfinished upload from ${name}: ${key}`
      context.warn?.({ code: 'upload-left-behind', message })
    }
    try {
      const byteLength = await storeFile(transfer)
      await raceAbort(signal, () => removeTemporary(transfer, warn).catch(warn))
      return { url: `${publicBaseUrl.replace(/\/+$/, '')}/${encodedKey(key)}`, id: key, byteLength }
    } catch (error) {
      const tidied = tidyWebdav(transfer, warn)
      // An abort waits for nothing: it rejects with its reason here, whether it came before or comes now.
      await raceAbort(signal, () => tidied)
      throw error
    }
  }

  return {
    name,
    ...(label !== undefined && { label }),
    endpoints: [endpointOf(baseUrl)],
    async upload(source, context) {
      context.signal.throwIfAborted()
      const video = openVideo(source, context, WINDOW_BYTES)
      try {
        return await uploadTo(source, context, video)
      } finally {
        video.close()
      }
    },
  }
}

function folderAddress(example: string, forUser: string) {
  return ruleOf((field, value) => {
    const problem = addressProblem(field, value, example, forUser)
    if (problem !== undefined || !/[?#]/.test(String(value))) return problem
    return optionProblem(field, 'an address with a query', 'leave it out')
  })
}

function furtherProblems({ user, password, apiKey, publicBaseUrl }: WebdavUploaderOptions): readonly OptionProblem[] {
  const problems: OptionProblem[] = []
  if ((user === undefined) !== (password === undefined)) {
    const field = user === undefined ? 'user' : 'password'
    problems.push({ field, value: 'nothing', fix: 'give user and password, or neither' })
  }
  if (user !== undefined && apiKey !== undefined) {
    problems.push({ field: 'apiKey', value: 'given beside user', fix: 'give one of both' })
  }
  if ((user ?? apiKey) !== undefined && publicBaseUrl === undefined) {
    const fix = 'give the address under which anyone can open the folder, such as "https://media.example/videos"'
    problems.push({ field: 'publicBaseUrl', value: 'nothing', fix })
  }
  return problems
}
