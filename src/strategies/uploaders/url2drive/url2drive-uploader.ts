import { checkOptions, type OptionProblem, type OptionRules, optionProblem } from '../../../contracts/check-options.js'
import type { JsonValue } from '../../../contracts/json.js'
import { aTimeout, msFrom0, required, rule, ruleOf, text } from '../../../contracts/option-rules.js'
import type { Uploader } from '../../../contracts/uploader.js'
import { createApi } from '../../../upstream/api.js'
import { endpointOf } from '../../../upstream/endpoint-of.js'
import type { Fetch } from '../../../upstream/outgoing-request.js'
import { type ApiCredential, resolvePassword } from '../../../upstream/secret.js'
import { addressProblem, aFetch, credential, named } from '../../option-rules.js'
import { publicSourceUrl } from '../public-source-url.js'
import { followUpload, submitUpload } from './url2drive-call.js'
import { findUrl2driveEndpoint, isMissing, type Url2driveEndpoint, type Url2driveSpace } from './url2drive-endpoint.js'
import { readUrl2driveResult } from './url2drive-result.js'

/** Options of `url2driveUploader`. */
export interface Url2driveUploaderOptions {
  /** Name in events and messages. @defaultValue `'url2drive'` */
  readonly name?: string | undefined
  /** Display name, in progress texts. @defaultValue `'Google Drive'` */
  readonly label?: string | undefined
  /** Address of the Space itself, not of its page: `https://owner-url2drive.hf.space`. */
  readonly baseUrl: string
  /** Access password of the Space, or a function that is called before each upload. */
  readonly password: ApiCredential
  /**
   * Access token of Hugging Face, for a private Space: sent as `Authorization: Bearer …` with every request to the
   * Space, including the stream, and to no other origin. A function is called before each request.
   * @defaultValue none, for a public Space
   */
  readonly token?: ApiCredential | undefined
  /** Name of the function of the Space, without a slash. @defaultValue `'upload'` */
  readonly apiName?: string | undefined
  /**
   * Folder in Drive, for Spaces whose function has a third input. A Space without it ignores the folder, with a
   * warning.
   * @defaultValue the default of the Space
   */
  readonly userName?: string | undefined
  /**
   * Time limit of each exchange, until the whole answer or the beginning of the stream, in milliseconds above 0 and
   * at most 2,147,483,647, or `Infinity` for no limit. Past it `upload` rejects with `NetworkError`.
   * @defaultValue `30_000` (30 s)
   */
  readonly timeoutMs?: number | undefined
  /**
   * How long to wait for a Space that sleeps or is being built, in milliseconds from 0 on the clock of the run; `0`
   * tries once. Past it `upload` rejects with the last answer of the Space.
   * @defaultValue `90_000` (90 s)
   */
  readonly wakeTimeoutMs?: number | undefined
  /**
   * Longest silence of the stream, in milliseconds above 0 and at most 2,147,483,647, or `Infinity` for no limit; Gradio
   * sends a heartbeat every 15 s. Past it the stream is lost and `upload` rejects.
   * @defaultValue `60_000` (1 min)
   */
  readonly idleTimeoutMs?: number | undefined
  /**
   * How long the Space may take after it accepted the upload, including its queue, in milliseconds above 0 and at
   * most 2,147,483,647 on the clock of the run, or `Infinity` for no limit. Past it `upload` rejects with
   * `NetworkError`; the file may still be in Drive.
   * @defaultValue `900_000` (15 min)
   */
  readonly uploadTimeoutMs?: number | undefined
  /** Called instead of the platform's `fetch`, with the address as a string. @defaultValue `globalThis.fetch` */
  readonly fetch?: Fetch | undefined
}

/**
 * Lets a url2drive Space on Hugging Face (or any Gradio server with the same function) download the video and store
 * it in Google Drive. The bytes do not pass through this process, so the video needs a public URL. Supports Gradio 4,
 * 5 and 6, and reads the number of inputs of the function from the Space. The result's `url` is
 * `https://drive.google.com/file/d/{id}/view`, and `id` that of the file. The Space shares the file with anyone, but
 * does not report when Drive refuses that.
 *
 * For a Space that sleeps or is being built the uploader waits, with a phase `waking`. After the Space accepted the
 * upload, its stream cannot be resumed: when it is lost, the file may be in Drive, and the error says so and is not
 * retryable. The next uploader of a chain may continue, since a second copy is only untidy. An abort closes the
 * stream: the Space drops an upload that still waits in its queue, and finishes one that runs or whose stream was not
 * open yet. It costs nothing.
 *
 * `upload` rejects with `InvalidRequestError` when the video has no public URL, `AuthenticationError` when the
 * password or the token is refused or the Space's own access to Drive has expired, `QuotaExceededError` when Drive is
 * full, `RateLimitError` and `OverloadedError` when the Space or Drive is overloaded, `UpstreamHttpError` for any
 * other refusal, `UpstreamResponseError` when the Space fails or its answer cannot be read, and `NetworkError` when
 * it does not answer.
 *
 * Wire format: Gradio's `/call` routes, as in the sources of Gradio 4.44 to 6.25, and as servers of 4.44, 5.49 and 6.31 answer.
 *
 * @throws ConfigurationError when an option cannot work, with every problem at once.
 *
 * @example
 * ```ts
 * import { fallback } from 'sora-pipeline'
 * import { url2driveUploader } from 'sora-pipeline/strategies'
 *
 * const password = () => 'the password of both Spaces'
 * const uploader = fallback(
 *   url2driveUploader({ name: 'drive-1', baseUrl: 'https://first-url2drive.hf.space', password }),
 *   url2driveUploader({ name: 'drive-2', baseUrl: 'https://second-url2drive.hf.space', password }),
 * )
 * console.log(uploader.label)
 * ```
 */
export function url2driveUploader(given: Url2driveUploaderOptions): Uploader {
  const options = checkedOptions(given)
  const { name, label, baseUrl, password, token, userName, fetch } = options
  const api = createApi({ subject: name, baseUrl, apiKey: token, fetch })
  let known: Url2driveEndpoint | undefined

  async function submit(space: Url2driveSpace, inputs: readonly string[]) {
    const hand = async (endpoint: Url2driveEndpoint) => {
      known = endpoint
      return { endpoint, eventId: await submitUpload(space, endpoint, fillInputs(endpoint, inputs)) }
    }
    const endpoint = known ?? (await findUrl2driveEndpoint(space))
    try {
      return await hand(endpoint)
    } catch (error) {
      if (!isMissing(error)) throw error
      return hand(await findUrl2driveEndpoint(space, endpoint.prefix))
    }
  }

  return {
    name,
    label,
    endpoints: [endpointOf(baseUrl)],
    givesPageUrl: true,
    async upload(source, context) {
      const { signal } = context
      signal.throwIfAborted()
      const url = publicSourceUrl(source, 'googleDriveUploader')
      const secret = await resolvePassword(password, name, signal)
      const space = { ...options, api, context, secrets: secretsOf(secret, url) }
      try {
        const { endpoint, eventId } = await submit(space, [url, secret, ...(userName === undefined ? [] : [userName])])
        if (userName !== undefined && endpoint.defaults.length < 3) {
          const message = `${name} does not send userName: the function of the Space takes ${endpoint.defaults.length} inputs`
          context.warn?.({ code: 'unsupported-option', message })
        }
        context.report({ phase: 'uploading' })
        return readUrl2driveResult(await followUpload(space, endpoint, eventId))
      } catch (error) {
        // Perhaps it failed because the Space has changed.
        known = undefined
        throw signal.aborted ? signal.reason : error
      }
    },
  }
}

const RULES: OptionRules<Url2driveUploaderOptions> = {
  ...named,
  baseUrl: required(ruleOf(spaceProblem)),
  password: required(
    ruleOf((field, value) =>
      typeof value === 'function' || (typeof value === 'string' && value !== '')
        ? undefined
        : { field, value: 'unusable', fix: 'give the access password of the Space' },
    ),
  ),
  token: credential,
  apiName: rule(
    (value) => typeof value === 'string' && /^[\w-]+$/.test(value),
    'give a name without a slash, such as "upload"',
  ),
  userName: text('give a name or leave it out'),
  timeoutMs: aTimeout,
  wakeTimeoutMs: msFrom0,
  idleTimeoutMs: aTimeout,
  uploadTimeoutMs: aTimeout,
  fetch: aFetch,
}

function checkedOptions(given: Url2driveUploaderOptions) {
  checkOptions('url2driveUploader', given, RULES)
  return {
    ...given,
    name: given.name ?? 'url2drive',
    label: given.label ?? 'Google Drive',
    apiName: given.apiName ?? 'upload',
    timeoutMs: given.timeoutMs ?? 30_000,
    wakeTimeoutMs: given.wakeTimeoutMs ?? 90_000,
    idleTimeoutMs: given.idleTimeoutMs ?? 60_000,
    uploadTimeoutMs: given.uploadTimeoutMs ?? 900_000,
  }
}

function spaceProblem(field: string, baseUrl: unknown): OptionProblem {
  const example = '"https://owner-url2drive.hf.space"'
  const problem = addressProblem(field, baseUrl, example, 'token')
  if (problem !== undefined || !/^(www\.)?huggingface\.co$/.test(new URL(String(baseUrl)).hostname)) return problem
  return optionProblem(field, 'the page of a Space', `give the address of the Space itself, such as ${example}`)
}

function fillInputs({ defaults }: Url2driveEndpoint, inputs: readonly string[]): JsonValue[] {
  return defaults.map((value, index) => inputs[index] ?? value)
}

/** In quotes, as Gradio echoes its inputs, a password is also found that is too short to be searched for alone. */
function secretsOf(password: string, url: string): string[] {
  const escaped = JSON.stringify(password).replace(
    /[^\x20-\x7e]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
  const query = new URL(url).search
  return [password, JSON.stringify(password), `'${password}'`, escaped, query].filter((secret) => secret.length > 1)
}
