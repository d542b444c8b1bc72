import type { Fetch } from '../../upstream/request.js'
import type { Credential } from '../../upstream/secret.js'
import {
  addressProblem,
  choiceProblem,
  credentialProblem,
  headerProblems,
  textProblem,
  throwProblems,
  timeoutProblem,
} from '../option-problems.js'

/** Options of `chatCompletionsGenerator`. */
export interface ChatCompletionsGeneratorOptions {
  /**
   * Name in events, handles and messages.
   * @defaultValue `'chat-completions'`
   */
  readonly name?: string | undefined
  /** For people, in progress texts; the name serves without one. */
  readonly label?: string | undefined
  /**
   * Address of the API as the official SDK takes it, such as `https://chat.example/v1`. There is no default. A query is kept on
   * every request; user name and password do not belong here.
   */
  readonly baseUrl: string
  /** Sent as `Authorization: Bearer`; a function is asked before each request. Leave it out for a server without keys. */
  readonly apiKey?: Credential | undefined
  /**
   * Model for requests that name none, such as `sora2-landscape-10s`. In this family the name says orientation and length, so
   * `durationSeconds`, `size` and `aspectRatio` of a request are held against it.
   */
  readonly model: string
  /** Sent with every request. */
  readonly headers?: Readonly<Record<string, string>> | undefined
  /**
   * What is done with an image that a request gives as an http or https address. Most servers of this family pass over such an
   * image in silence and generate from the text alone, so it is refused; say `send` for one that reads addresses.
   * @defaultValue `'refuse'`
   */
  readonly imageUrls?: 'refuse' | 'send' | undefined
  /**
   * Longest silence in milliseconds, before the first byte and between any two bytes; above 0, `Infinity` for none. Past it the
   * outcome of the submission is unknown. Raise it for a server that answers only when the video is done.
   * @defaultValue 60_000
   */
  readonly idleTimeoutMs?: number | undefined
  /**
   * Milliseconds for the whole generation; above 0. The deadlines of the pipeline apply as well.
   * @defaultValue `Infinity`
   */
  readonly timeoutMs?: number | undefined
  /**
   * What 500, 502 and 504 mean, in place of a stream or told of in it: `refused` for an upstream that is known to answer so before it accepts, so
   * that another generator may be tried.
   * @defaultValue `'unknown'`
   */
  readonly serverErrors?: 'unknown' | 'refused' | undefined
  /**
   * Called in place of the platform's `fetch`, with the address as a string.
   * @defaultValue `globalThis.fetch`
   */
  readonly fetch?: Fetch | undefined
}

/** The options with their defaults. */
export function checkChatCompletionsOptions(given: ChatCompletionsGeneratorOptions) {
  const options = {
    ...given,
    name: given.name ?? 'chat-completions',
    imageUrls: given.imageUrls ?? 'refuse',
    idleTimeoutMs: given.idleTimeoutMs ?? 60_000,
    timeoutMs: given.timeoutMs ?? Number.POSITIVE_INFINITY,
    serverErrors: given.serverErrors ?? 'unknown',
  } as const
  throwProblems('chatCompletionsGenerator', [
    textProblem('name', options.name, 'give a name'),
    addressProblem('baseUrl', options.baseUrl, '"https://chat.example/v1"'),
    credentialProblem('apiKey', options.apiKey),
    textProblem('model', options.model, 'give a model, such as sora2-landscape-10s'),
    ...headerProblems('headers', options.headers),
    choiceProblem('imageUrls', options.imageUrls, ['refuse', 'send']),
    timeoutProblem('idleTimeoutMs', options.idleTimeoutMs),
    timeoutProblem('timeoutMs', options.timeoutMs),
    choiceProblem('serverErrors', options.serverErrors, ['unknown', 'refused']),
  ])
  return options
}

/** The options with their defaults. */
export type CheckedChatCompletionsOptions = ReturnType<typeof checkChatCompletionsOptions>
