import type { Agent } from 'node:http'
import { checkOptions, type OptionRules } from '../../../contracts/check-options.js'
import { aTimeout, choice, number, required, text } from '../../../contracts/option-rules.js'
import type { Fetch } from '../../../upstream/outgoing-request.js'
import type { ApiCredential } from '../../../upstream/secret.js'
import { address, aFetch, anAgent, credential, headers, keyInHeaders, named } from '../../option-rules.js'

/** Options of `chatCompletionsGenerator`. */
export interface ChatCompletionsGeneratorOptions {
  /** Name in events, handles and messages. @defaultValue `'chat-completions'` */
  readonly name?: string | undefined
  /** Display name, in progress texts. @defaultValue `name` */
  readonly label?: string | undefined
  /**
   * Address of the API in the form of the official SDK, such as `https://chat.example/v1`. There is no default. A
   * query is added to every request; user name and password are refused.
   */
  readonly baseUrl: string
  /**
   * Key that is sent as `Authorization: Bearer …`; a function is called before each request.
   * @defaultValue none, for a server without keys
   */
  readonly apiKey?: ApiCredential | undefined
  /**
   * Model for requests that name none, such as `sora2-landscape-10s`. In this family the name contains orientation and
   * length: a request whose `durationSeconds`, `size` or `aspectRatio` differs from it is refused.
   */
  readonly model: string
  /** Headers that are sent with every request, by name. @defaultValue none */
  readonly headers?: Readonly<Record<string, string>> | undefined
  /**
   * How an image is treated that a request gives as an http or https address. Most servers of this family ignore such
   * an image and generate from the text alone, so `refuse` rejects it with `InvalidRequestError`; `send` is for a
   * server that reads addresses.
   * @defaultValue `'refuse'`
   */
  readonly imageUrls?: 'refuse' | 'send' | undefined
  /**
   * Longest silence before the first byte and between any two bytes, in milliseconds above 0 and at most 2,147,483,647, or
   * `Infinity` for no limit. Past it the outcome of the submission is unknown. Raise it for a server that answers only when
   * the video is done.
   * @defaultValue `60_000` (1 min)
   */
  readonly idleTimeoutMs?: number | undefined
  /**
   * Time limit of the whole generation, in milliseconds above 0 and at most 2,147,483,647, or `Infinity` for no limit. Past
   * it the outcome is unknown. The deadlines of the pipeline apply as well.
   * @defaultValue `Infinity`
   */
  readonly timeoutMs?: number | undefined
  /**
   * Maximum decoded bytes of the answer and of each of its events, at least 1,000: room for servers that send the
   * video as base64. A longer answer is an `UpstreamResponseError`, and the outcome is unknown. `Infinity` for no
   * limit.
   * @defaultValue `33_554_432` (32 MiB)
   */
  readonly maxAnswerBytes?: number | undefined
  /**
   * What a 500, 502 or 504 means, as a status or inside the stream: `unknown` stops the run in review, since the job may
   * have been accepted; `refused` is for an upstream that is known to answer so before it accepts, so that another generator
   * is tried.
   * @defaultValue `'unknown'`
   */
  readonly serverErrors?: 'unknown' | 'refused' | undefined
  /**
   * Called instead of the platform's `fetch`, with the address as a string.
   * @defaultValue `node:http` on Node, else `globalThis.fetch`; also `globalThis.fetch` where it was replaced
   */
  readonly fetch?: Fetch | undefined
  /**
   * Agent of `node:http` or `node:https`, such as one for a proxy. It is used on Node unless `fetch` is given or
   * `globalThis.fetch` was replaced.
   * @defaultValue a separate connection for each submission
   */
  readonly agent?: Agent | undefined
}

const RULES: OptionRules<ChatCompletionsGeneratorOptions> = {
  ...named,
  baseUrl: required(address('"https://chat.example/v1"', 'apiKey or headers')),
  apiKey: credential,
  model: required(text('give a model, such as sora2-landscape-10s')),
  headers,
  imageUrls: choice('refuse', 'send'),
  idleTimeoutMs: aTimeout,
  timeoutMs: aTimeout,
  maxAnswerBytes: number((value) => value >= 1_000, 'give 1000 bytes or more'),
  serverErrors: choice('unknown', 'refused'),
  fetch: aFetch,
  agent: anAgent,
}

/** The options with their defaults. */
export function checkChatCompletionsOptions(given: ChatCompletionsGeneratorOptions) {
  checkOptions('chatCompletionsGenerator', given, RULES, (valid) => keyInHeaders(valid))
  return {
    ...given,
    name: given.name ?? 'chat-completions',
    imageUrls: given.imageUrls ?? 'refuse',
    idleTimeoutMs: given.idleTimeoutMs ?? 60_000,
    timeoutMs: given.timeoutMs ?? Number.POSITIVE_INFINITY,
    maxAnswerBytes: given.maxAnswerBytes ?? 33_554_432,
    serverErrors: given.serverErrors ?? 'unknown',
  } as const
}

/** The options with their defaults. */
export type CheckedChatCompletionsOptions = ReturnType<typeof checkChatCompletionsOptions>
