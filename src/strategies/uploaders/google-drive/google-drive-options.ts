import { checkOptions, type OptionRules, optionProblem } from '../../../contracts/check-options.js'
import { aFunction, aTimeout, choice, number, required, rule, ruleOf, whole } from '../../../contracts/option-rules.js'
import type { VideoSource } from '../../../contracts/source.js'
import type { StageContext } from '../../../contracts/stage.js'
import type { Fetch } from '../../../upstream/outgoing-request.js'
import type { ApiCredential } from '../../../upstream/secret.js'
import { address, aFetch, credential, named } from '../../option-rules.js'

/** Options of `googleDriveUploader`. */
export interface GoogleDriveUploaderOptions {
  /** Name in events and messages. @defaultValue `'google-drive'` */
  readonly name?: string | undefined
  /** Display name, in progress texts. @defaultValue `'Google Drive'` */
  readonly label?: string | undefined
  /**
   * OAuth 2.0 access token with the scope `https://www.googleapis.com/auth/drive.file`, or
   * `https://www.googleapis.com/auth/drive` for a folder that this app neither created nor was given. Tokens are
   * valid for about an hour: a function is called before each request, and once more if its token was refused (401).
   * It is sent only to the origin of `baseUrl`.
   */
  readonly accessToken: ApiCredential
  /**
   * Folder for the files: the last part of its address, such as `1dyUEebJaFnWa3Z4n0BFMVAXQ7mfUH11g`. It may lie in a shared
   * drive.
   * @defaultValue the root of the account's own drive
   */
  readonly folderId?: string | undefined
  /**
   * Who may open the file: `anyone` with the link, or `none` for those who may open the folder.
   * @defaultValue `'anyone'`
   */
  readonly share?: 'anyone' | 'none' | undefined
  /**
   * Returns the name of the file, such as `cat.mp4`; an extension is added by the media type if it has none. Drive
   * allows several files with the same name.
   * @defaultValue the id of the run, with the extension of the media type
   */
  readonly fileName?: ((source: VideoSource, context: StageContext) => string) | undefined
  /**
   * Bytes in one request, a multiple of 262,144 and at most 1,073,741,824. Any other number is refused. Each upload
   * keeps this many in memory, and as many of the next request but at most 8 MiB; after a cut it sends at most this many
   * again.
   * @defaultValue `8_388_608` (8 MiB)
   */
  readonly chunkBytes?: number | undefined
  /**
   * Address of the API. Change it only for a sandbox or a proxy: it receives the token and the video.
   * @defaultValue `'https://www.googleapis.com'`
   */
  readonly baseUrl?: string | undefined
  /**
   * Time limit of one request with its chunk and its answer, in milliseconds above 0 and at most 2,147,483,647, or
   * `Infinity` for no limit. Past it the stored range is requested from Drive, and the upload continues there.
   * @defaultValue `120_000` (2 min)
   */
  readonly timeoutMs?: number | undefined
  /**
   * Maximum attempts in a row without a new byte stored, after a cut, a timeout, 429, 5xx or a rate limit; a whole
   * number from 1. After the last one the upload rejects. The waits double from at most 1 s to at most 32 s, with
   * full jitter; a `Retry-After` of up to 60 s is added, and a longer one ends the upload.
   * @defaultValue `6`
   */
  readonly maxAttempts?: number | undefined
  /** Called instead of the platform's `fetch`, with the address as a string. @defaultValue `globalThis.fetch` */
  readonly fetch?: Fetch | undefined
}

/** Every chunk but the last must be a multiple of this. */
const CHUNK_STEP = 262_144
const LARGEST_CHUNK = 1_073_741_824

const RULES: OptionRules<GoogleDriveUploaderOptions> = {
  ...named,
  accessToken: required(
    ruleOf((field, value) =>
      value === undefined
        ? optionProblem(field, value, 'give an OAuth 2.0 access token, or a function that returns one')
        : credential.problems(field, value),
    ),
  ),
  folderId: rule(
    (value) => typeof value === 'string' && /^[\w-]+$/.test(value),
    'give the id of a folder, the last part of its address, or leave it out',
  ),
  share: choice('anyone', 'none'),
  fileName: aFunction,
  chunkBytes: number(
    (value) => value > 0 && value <= LARGEST_CHUNK && Number.isInteger(value / CHUNK_STEP),
    `give a multiple of ${CHUNK_STEP} and at most ${LARGEST_CHUNK}`,
  ),
  baseUrl: address('"https://www.googleapis.com"', 'accessToken'),
  timeoutMs: aTimeout,
  maxAttempts: whole(1),
  fetch: aFetch,
}

/** The options with their defaults. */
export function checkGoogleDriveOptions(given: GoogleDriveUploaderOptions) {
  checkOptions('googleDriveUploader', given, RULES)
  return {
    ...given,
    name: given.name ?? 'google-drive',
    label: given.label ?? 'Google Drive',
    share: given.share ?? 'anyone',
    chunkBytes: given.chunkBytes ?? 8_388_608,
    baseUrl: given.baseUrl ?? 'https://www.googleapis.com',
    timeoutMs: given.timeoutMs ?? 120_000,
    maxAttempts: given.maxAttempts ?? 6,
  } as const
}

/** The options with their defaults. */
export type CheckedGoogleDriveOptions = ReturnType<typeof checkGoogleDriveOptions>
