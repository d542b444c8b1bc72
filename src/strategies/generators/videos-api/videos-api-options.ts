import type { Agent } from 'node:http'
import { checkOptions, type OptionRules } from '../../../contracts/check-options.js'
import { aTimeout, choice, number, required, text } from '../../../contracts/option-rules.js'
import type { AllowPrivateAddresses } from '../../../upstream/download/allowed-destinations.js'
import type { Fetch } from '../../../upstream/outgoing-request.js'
import type { Credential } from '../../../upstream/secret.js'
import { address, aFetch, anAgent, credential, headers, named, privateAddresses } from '../../option-rules.js'

/** Options of `videosApiGenerator`. */
export interface VideosApiGeneratorOptions {
  /**
   * Name in events, handles and messages. A run is resumed by a generator of the same name.
   * @defaultValue `'videos-api'`
   */
  readonly name?: string | undefined
  /** For people, in progress texts; the name serves without one. */
  readonly label?: string | undefined
  /**
   * Address of the API as the official SDK takes it, such as `https://api.example/v1`. There is no default. A query is kept on
   * every request; user name and password do not belong here.
   */
  readonly baseUrl: string
  /**
   * What jobs belong to, such as `api.example`: a job is polled only by a generator of the same name and upstream. Give one when the
   * same upstream is reached by another address after a deploy, such as through a proxy.
   * @defaultValue origin and path of `baseUrl`
   */
  readonly upstreamId?: string | undefined
  /**
   * Sent as `Authorization: Bearer`; a function is asked before each request. It goes to the API's own origin only. Leave it
   * out for a server without keys, whose `/content` then counts as public.
   */
  readonly apiKey?: Credential | undefined
  /** Model for requests that name none; without either the server decides. */
  readonly model?: string | undefined
  /**
   * How a submission is encoded. `auto` sends JSON, or a form when bytes have to be sent; when the server refuses that encoding
   * (415, or a 400 or 422 that says so) the same submission is sent once more in the other one, for a refusal proves that
   * nothing was accepted. What worked is remembered.
   * @defaultValue `'auto'`
   */
  readonly encoding?: 'auto' | 'json' | 'multipart' | undefined
  /**
   * Whether `seconds` is sent as a text, as OpenAI defined it, or as a number, as some gateways want it.
   * @defaultValue `'string'`
   */
  readonly secondsType?: 'string' | 'number' | undefined
  /**
   * What is done with `video` of a request: `/videos/edits` or `/videos/extensions`. A request decides for itself with
   * `providerOptions: { videoInput: 'extensions' }`.
   * @defaultValue `'edits'`
   */
  readonly videoInput?: 'edits' | 'extensions' | undefined
  /** Sent with every request to the API's own origin, and to no other. */
  readonly headers?: Readonly<Record<string, string>> | undefined
  /**
   * Milliseconds for a poll or a cancellation with its body, and for the headers of a download; above 0, `Infinity` for none.
   * @defaultValue 10_000
   */
  readonly timeoutMs?: number | undefined
  /**
   * Milliseconds for a submission, whose outcome is unknown past it. Servers that answer with the finished video take minutes.
   * @defaultValue 120_000
   */
  readonly createTimeoutMs?: number | undefined
  /**
   * Most decoded bytes of one answer, 1,000 at least: room for servers that put the video into it as base64. A longer one is
   * an `UpstreamResponseError`.
   * @defaultValue 33_554_432
   */
  readonly maxAnswerBytes?: number | undefined
  /**
   * What 500, 502 and 504 in answer to a submission mean: `refused` for an upstream that is known to answer so before it
   * accepts, so that another generator may be tried.
   * @defaultValue `'unknown'`
   */
  readonly serverErrors?: 'unknown' | 'refused' | undefined
  /**
   * Whether the upstream gives the same job for the same `Idempotency-Key`. The header is sent either way; say `key` only for
   * an upstream that documents it, for the run then repeats a submission whose outcome is unknown.
   * @defaultValue `'none'`
   */
  readonly idempotency?: 'key' | 'none' | undefined
  /**
   * Whether a submission whose outcome is unknown is looked for in the server's list, `GET /videos`, by its prompt and time. Say
   * `list` only for a server that lists every job it accepted, with its prompt: a job that is not listed is submitted again. A list without prompts, or
   * with more than 2,000 recent jobs, proves nothing: the run ends in review.
   * @defaultValue `'none'`
   */
  readonly lookup?: 'list' | 'none' | undefined
  /**
   * After how many milliseconds a job that was accepted is surely listed, from 0.
   * @defaultValue `createTimeoutMs` and 10 seconds, at most 130,000
   */
  readonly settleMs?: number | undefined
  /**
   * Where a video may be fetched from beyond `baseUrl`'s own origin and public addresses on ports 80 and 443: hosts
   * (`'127.0.0.1'`), hosts with a port (`'10.0.0.7:9000'`) and ranges (`'10.0.0.0/8'`), or `true` for everything. The server
   * names these addresses, so opening one that is not listed rejects with a `NetworkError`, also when a redirect leads there.
   * @defaultValue none
   */
  readonly allowPrivateAddresses?: AllowPrivateAddresses | undefined
  /**
   * Called in place of the platform's `fetch`, with the address as a string. Downloads go through it as well, and where a host
   * name leads is then in its hands: only literal addresses, local names and ports are checked.
   * @defaultValue `globalThis.fetch`, and a guarded `node:http` for downloads
   */
  readonly fetch?: Fetch | undefined
  /**
   * An agent of `node:http` or `node:https`, such as one that goes through a proxy. It is used on Node while neither `fetch` is given nor
   * `globalThis.fetch` is another than Node's own.
   * @defaultValue a connection of its own for each submission, and up to 64 that polls share
   */
  readonly agent?: Agent | undefined
}

const RULES: OptionRules<VideosApiGeneratorOptions> = {
  ...named,
  baseUrl: required(address('"https://api.example/v1"', 'apiKey or headers')),
  upstreamId: text('give a name or leave it out'),
  apiKey: credential,
  model: text('give a model or leave it out'),
  encoding: choice('auto', 'json', 'multipart'),
  secondsType: choice('string', 'number'),
  videoInput: choice('edits', 'extensions'),
  headers,
  timeoutMs: aTimeout,
  createTimeoutMs: aTimeout,
  maxAnswerBytes: number((value) => value >= 1_000, 'give 1000 bytes or more'),
  serverErrors: choice('unknown', 'refused'),
  idempotency: choice('key', 'none'),
  lookup: choice('list', 'none'),
  settleMs: number((value) => value >= 0 && Number.isFinite(value), 'give milliseconds from 0'),
  allowPrivateAddresses: privateAddresses,
  fetch: aFetch,
  agent: anAgent,
}

/** The options with their defaults. */
export function checkVideosApiOptions(given: VideosApiGeneratorOptions) {
  checkOptions('videosApiGenerator', given, RULES)
  return {
    ...given,
    name: given.name ?? 'videos-api',
    encoding: given.encoding ?? 'auto',
    secondsType: given.secondsType ?? 'string',
    videoInput: given.videoInput ?? 'edits',
    timeoutMs: given.timeoutMs ?? 10_000,
    createTimeoutMs: given.createTimeoutMs ?? 120_000,
    maxAnswerBytes: given.maxAnswerBytes ?? 33_554_432,
    serverErrors: given.serverErrors ?? 'unknown',
    idempotency: given.idempotency ?? 'none',
    lookup: given.lookup ?? 'none',
    settleMs: given.settleMs ?? Math.min(130_000, (given.createTimeoutMs ?? 120_000) + 10_000),
  } as const
}

/** The options with their defaults. */
export type CheckedVideosApiOptions = ReturnType<typeof checkVideosApiOptions>
