import type { VideoSource } from '../../contracts/source.js'
import type { StageContext } from '../../contracts/stage.js'
import type { Fetch } from '../../upstream/request.js'
import type { Credential } from '../../upstream/secret.js'
import {
  addressProblem,
  choiceProblem,
  credentialProblem,
  type OptionProblem,
  optionProblem,
  textProblem,
  throwProblems,
  timeoutProblem,
} from '../option-problems.js'

/** Options of `googleDriveUploader`. */
export interface GoogleDriveUploaderOptions {
  /**
   * Name in events and messages.
   * @defaultValue `'google-drive'`
   */
  readonly name?: string | undefined
  /**
   * For people, in progress texts.
   * @defaultValue `'Google Drive'`
   */
  readonly label?: string | undefined
  /**
   * OAuth 2.0 access token with the scope `https://www.googleapis.com/auth/drive.file`, or
   * `https://www.googleapis.com/auth/drive` for a folder that this app neither made nor was given. Tokens live for about an
   * hour: a function is asked before each request, and once more when its token was refused (401). It goes to the origin of
   * `baseUrl` only.
   */
  readonly accessToken: Credential
  /**
   * Folder for the files, the last part of its address: `1dyUEebJaFnWa3Z4n0BFMVAXQ7mfUH11g`. It may lie in a shared drive.
   * @defaultValue the root of the account's own drive
   */
  readonly folderId?: string | undefined
  /**
   * Who may open the file: `anyone` with the link, or `none` but those who may open the folder.
   * @defaultValue `'anyone'`
   */
  readonly share?: 'anyone' | 'none' | undefined
  /**
   * Name of the file, such as `cat.mp4`; an extension is added by the media type when it has none. Drive allows several files
   * of one name.
   * @defaultValue the run's id
   */
  readonly fileName?: ((source: VideoSource, context: StageContext) => string) | undefined
  /**
   * Bytes in one request, a multiple of 262,144 and at most 1,073,741,824. As many are kept in memory for each upload, and a cut
   * costs at most as many again.
   * @defaultValue 8_388_608
   */
  readonly chunkBytes?: number | undefined
  /**
   * Where the API is. Change it for a sandbox or a proxy only: it gets the token and the video.
   * @defaultValue `'https://www.googleapis.com'`
   */
  readonly baseUrl?: string | undefined
  /**
   * Milliseconds for one request with its chunk and its answer; above 0, `Infinity` for none. Past it Drive is asked what it
   * has.
   * @defaultValue 120_000
   */
  readonly requestTimeoutMs?: number | undefined
  /**
   * How often to try again in a row without a new byte stored, after a cut, a timeout, 429, 5xx or a rate limit; a whole number
   * from 0. The waits double from at most 1 s to at most 32 s, with full jitter; a `Retry-After` of up to 60 s comes on top,
   * and a longer one ends the upload.
   * @defaultValue 5
   */
  readonly maxRetries?: number | undefined
  /**
   * Called in place of the platform's `fetch`, with the address as a string.
   * @defaultValue `globalThis.fetch`
   */
  readonly fetch?: Fetch | undefined
}

/** Drive takes every chunk but the last in multiples of this. */
const CHUNK_STEP = 262_144
const LARGEST_CHUNK = 1_073_741_824

/** The options with their defaults. */
export function checkGoogleDriveOptions(given: GoogleDriveUploaderOptions) {
  const options = {
    ...given,
    name: given.name ?? 'google-drive',
    label: given.label ?? 'Google Drive',
    share: given.share ?? 'anyone',
    chunkBytes: given.chunkBytes ?? 8_388_608,
    baseUrl: given.baseUrl ?? 'https://www.googleapis.com',
    requestTimeoutMs: given.requestTimeoutMs ?? 120_000,
    maxRetries: given.maxRetries ?? 5,
  } as const
  const { accessToken, folderId, fileName, maxRetries } = options
  throwProblems('googleDriveUploader', [
    textProblem('name', options.name, 'give a name'),
    textProblem('label', options.label, 'give a name for people'),
    accessToken === undefined
      ? optionProblem('accessToken', accessToken, 'give an OAuth 2.0 access token, or a function that gives one')
      : credentialProblem('accessToken', accessToken),
    folderId === undefined ? undefined : folderProblem(folderId),
    choiceProblem('share', options.share, ['anyone', 'none']),
    fileName === undefined || typeof fileName === 'function'
      ? undefined
      : optionProblem('fileName', fileName, 'give a function'),
    chunkProblem(options.chunkBytes),
    addressProblem('baseUrl', options.baseUrl, '"https://www.googleapis.com"'),
    timeoutProblem('requestTimeoutMs', options.requestTimeoutMs),
    Number.isInteger(maxRetries) && maxRetries >= 0
      ? undefined
      : optionProblem('maxRetries', maxRetries, 'give a whole number from 0'),
  ])
  return options
}

/** The options with their defaults. */
export type CheckedGoogleDriveOptions = ReturnType<typeof checkGoogleDriveOptions>

function folderProblem(folderId: unknown): OptionProblem {
  const fix = 'give the id of a folder, the last part of its address, or leave it out'
  return typeof folderId === 'string' && /^[\w-]+$/.test(folderId)
    ? undefined
    : optionProblem('folderId', folderId, fix)
}

function chunkProblem(chunkBytes: unknown): OptionProblem {
  const isFine =
    typeof chunkBytes === 'number' &&
    chunkBytes > 0 &&
    chunkBytes <= LARGEST_CHUNK &&
    Number.isInteger(chunkBytes / CHUNK_STEP)
  const fix = `give a multiple of ${CHUNK_STEP} and at most ${LARGEST_CHUNK}`
  return isFine ? undefined : optionProblem('chunkBytes', chunkBytes, fix)
}
