import type { Agent } from 'node:http'
import { checkOptions, type OptionRules } from '../../../contracts/check-options.js'
import { aTimeout, choice, number, required, text } from '../../../contracts/option-rules.js'
import type { Fetch } from '../../../upstream/outgoing-request.js'
import type { Credential } from '../../../upstream/secret.js'
import { address, aFetch, anAgent, credential, headers, named } from '../../option-rules.js'

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
   * Most decoded bytes of the answer and of one event of it, 1,000 at least: room for servers that put the video into it as base64. A
   * longer one is an `UpstreamResponseError`, and the outcome is unknown.
   * @defaultValue 33_554_432
   */
  readonly maxAnswerBytes?: number | undefined
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
  /**
   * An agent of `node:http` or `node:https`, such as one that goes through a proxy. It is used on Node while neither `fetch` is given nor
   * `globalThis.fetch` is another than Node's own.
   * @defaultValue a connection of its own for each submission, and up to 64 that polls share
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
  checkOptions('chatCompletionsGenerator', given, RULES)
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
