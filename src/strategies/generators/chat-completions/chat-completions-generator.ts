import type { OneShotGenerator } from '../../../contracts/generator.js'
import type { JsonObject } from '../../../contracts/json.js'
import type { VideoRequest } from '../../../contracts/request.js'
import { requestIdOf } from '../../../contracts/request-id.js'
import { SubmissionUnknownError } from '../../../contracts/run-errors.js'
import type { VideoSource } from '../../../contracts/source.js'
import type { StageContext } from '../../../contracts/stage.js'
import { mayHaveBeenAccepted } from '../../../contracts/submission.js'
import { UpstreamResponseError } from '../../../contracts/upstream-errors.js'
import { type ApiCredentials, createApi } from '../../../upstream/api.js'
import { endpointOf } from '../../../upstream/endpoint-of.js'
import { memoryVideo } from '../../../upstream/memory-video.js'
import { credentialTimeout, hostOf, networkFailure, timeoutFailure } from '../../../upstream/network-failure.js'
import { isPlainHttp } from '../../../upstream/plain-http.js'
import { proveVideo } from '../../../upstream/prove-video.js'
import { carriesSecret, holdsSecret } from '../../../upstream/secret.js'
import { withTimeLimit } from '../../../upstream/time-limit.js'
import type { VideoOutput } from '../../../upstream/video-output.js'
import { checkLists } from '../check-lists.js'
import { checkJsonFields } from '../json-fields.js'
import { bareUrls, type UrlSearch } from './chat-candidates.js'
import { chatCompletionsBody } from './chat-completions-body.js'
import { type ChatCompletionsGeneratorOptions, checkChatCompletionsOptions } from './chat-completions-options.js'
import { chatExchange } from './chat-exchange.js'
import { type ChatTranscript, createChatTranscript } from './chat-transcript.js'

const WHAT = 'generate the video'
const MOST_LINKS = 3
const LINK_TIMEOUT_MS = 10_000
const SERVER_ERRORS: ReadonlySet<number> = new Set([500, 502, 504])

/**
 * Generates through a server that streams OpenAI chat completion chunks and ends with the address of a video:
 * sora2api and its forks, according to their source, and similar gateways. There is no default address.
 *
 * One `POST` to `{baseUrl}/chat/completions`, never repeated. Progress is read from `reasoning_content`,
 * `delta.progress`, `delta.wm` or the prose of `content`. The address is read from `delta.output[].url` (the last
 * one), JSON, `<video src>`, a data URL, Markdown or a bare URL with the extension of a video, the later one among
 * equals. A bare link is opened first, and counts if it serves a video. Once an address was received, the call gives
 * the video, with a warning if the stream breaks afterwards. Style, remix and storyboard are written into the prompt
 * in this family's format; `image` and `video` are parts of the message; `durationSeconds`, `size` and `aspectRatio`
 * are in the model's name, so a request with other values is an `InvalidRequestError`; `seed`, `audio` and `user` are
 * not sent and give a warning; `providerOptions` are merged into the body.
 *
 * `generate` rejects with `SubmissionUnknownError` when the stream breaks off, is silent for too long, ends without an
 * address or an error, or reports that a time limit of the upstream has passed, which is then the cause as a
 * `StageTimeoutError`: the video may exist and be paid for. An error of the upstream, also in an error frame under 200, becomes the class of its kind:
 * `ContentRejectedError`, `QuotaExceededError`, `AuthenticationError`, `RateLimitError`, `RegionError`,
 * `OverloadedError`, else `GenerationFailedError`. An abort closes the connection and leaves the job running (and
 * costing) upstream: this family cannot cancel.
 *
 * @throws ConfigurationError when an option cannot work, with every problem at once.
 *
 * @example
 * ```ts
 * import { chatCompletionsGenerator } from 'sora-pipeline/strategies'
 *
 * const generator = chatCompletionsGenerator({
 *   baseUrl: 'https://chat.example/v1',
 *   apiKey: 'your-key',
 *   model: 'sora2-landscape-10s',
 * })
 * console.log(generator.name)
 * ```
 */
export function chatCompletionsGenerator(given: ChatCompletionsGeneratorOptions): OneShotGenerator {
  const options = checkChatCompletionsOptions(given)
  const { name, idleTimeoutMs, timeoutMs } = options
  const api = createApi({ ...options, subject: name })
  const url = api.address('/chat/completions')
  const host = hostOf(url)
  const isRefusal = (status: number) =>
    options.serverErrors === 'refused' && SERVER_ERRORS.has(status) ? true : undefined

  const fixed = { api, url, idleTimeoutMs, maxBytes: options.maxAnswerBytes, isRefusal }

  async function credentialsOf(signal: AbortSignal): Promise<ApiCredentials> {
    const error = () => credentialTimeout(WHAT, `the credential of ${name}`, idleTimeoutMs)
    return withTimeLimit({ timeoutMs: idleTimeoutMs, signal, error }, api.credentials)
  }

  function searchOf(request: VideoRequest, { secrets }: ApiCredentials): UrlSearch {
    // An address that the upstream repeats from the request is not a result.
    const own = new Set(
      [request.prompt, request.image, request.video, request.remixOf, ...(request.references ?? [])].flatMap(
        addressesIn,
      ),
    )
    return {
      base: api.address('/'),
      accepts: (found) => isPlainHttp(new URL(found)) && !own.has(found) && !holdsSecret(found, secrets),
    }
  }

  /** The error that ended the exchange early; `undefined` if it was complete. */
  async function exchange(
    body: JsonObject,
    credentials: ApiCredentials,
    transcript: ChatTranscript,
    context: StageContext,
  ) {
    const { clock, signal } = context
    const place = { what: WHAT, url, mask: credentials.mask }
    try {
      await withTimeLimit({ timeoutMs, signal, error: () => timeoutFailure(place, timeoutMs) }, (limited) =>
        chatExchange({ ...fixed, credentials, body, transcript, clock, signal: limited }),
      )
      return undefined
    } catch (error) {
      return networkFailure(error, place, signal)
    }
  }

  /** The first bare link that serves a video, for answers without other evidence. */
  async function opened(links: readonly string[], { signal }: StageContext): Promise<VideoOutput | undefined> {
    for (const link of links.slice(0, MOST_LINKS)) {
      const proof = { url: link, ownOrigin: api.origin, timeoutMs: LINK_TIMEOUT_MS, minBytes: 1, signal }
      const isVideo = await proveVideo({ ...proof, fetch: options.fetch }).then(
        () => true,
        () => false,
      )
      signal.throwIfAborted()
      if (isVideo) return { kind: 'url', url: link, needsKey: false }
    }
    return undefined
  }

  return {
    name,
    ...(options.label !== undefined && { label: options.label }),
    endpoints: [endpointOf(options.baseUrl)],
    check: ({ signal }) => checkLists(api, { paths: ['/models'], signal, timeoutMs: idleTimeoutMs }),
    async generate(request, context) {
      const { clock, signal } = context
      signal.throwIfAborted()
      checkJsonFields(request)
      const body = chatCompletionsBody(request, options, context)
      const credentials = await credentialsOf(signal)
      const { mask } = credentials
      const sentAt = clock.monotonic()
      const upstream = { url, host, mask, isRefusal, elapsedMs: () => clock.monotonic() - sentAt }
      const transcript = createChatTranscript(upstream, searchOf(request, credentials), {
        report: context.report,
        maxContent: options.maxAnswerBytes,
      })
      const broken = await exchange(body, credentials, transcript, context)
      signal.throwIfAborted()
      // A verdict that was received stands, also when the connection broke after it.
      const failure = transcript.failure() ?? broken
      const found =
        transcript.video() ??
        (failure === undefined ? await opened(transcript.links(), context) : undefined) ??
        transcript.lastResort()
      if (found === undefined) throw unknownOr(failure ?? neither(transcript, upstream), name)
      if (failure !== undefined) {
        const message = `${name} named a video and then failed, the video is used: ${messageOf(failure)}`
        context.warn?.({ code: 'upstream-failed-late', message })
      }
      const facts = { ...ownFacts(transcript, context, credentials), model: String(body.model) }
      if (found.kind === 'bytes') return { ...facts, source: sourceOf(found) }
      if (isOnOwnMachine(found.url) && !isOnOwnMachine(url)) {
        const message = `${name} named a video on its own machine, ${hostOf(found.url)}: its public address is not configured`
        context.warn?.({ code: 'loopback-url', message })
      }
      return { ...facts, url: found.url }
    },
  }
}

function sourceOf({ base64, mediaType }: Extract<VideoOutput, { kind: 'bytes' }>): VideoSource {
  return memoryVideo(new Uint8Array(Buffer.from(base64, 'base64')), { mediaType })
}

// The usual mistake in the settings of sora2api's cache, whose default address is that of its own machine.
function isOnOwnMachine(address: string): boolean {
  return /^(localhost|127\.[\d.]+|0\.0\.0\.0|\[::1?\])$/.test(new URL(address).hostname)
}

// The upstream's facts about the video, unless they contain a key.
function ownFacts(transcript: ChatTranscript, { runId }: StageContext, { secrets }: ApiCredentials) {
  const [id, usage] = [transcript.id(), transcript.usage()].map((fact) =>
    fact !== undefined && carriesSecret(JSON.stringify(fact), secrets) ? undefined : fact,
  ) as [string | undefined, JsonObject | undefined]
  return { id: id ?? runId, ...(usage !== undefined && { usage }) }
}

function neither(transcript: ChatTranscript, { url, host, mask }: Parameters<typeof createChatTranscript>[0]): Error {
  const said = transcript.excerpt()
  const message = `Could not ${WHAT}: ${host} ended with neither a video nor an error${said && `, only ${said}`}`
  return new UpstreamResponseError(message, { url: mask(url), bodyExcerpt: said, isRetryable: false })
}

function unknownOr(error: unknown, name: string): unknown {
  if (!mayHaveBeenAccepted(error)) return error
  return new SubmissionUnknownError(`Could not learn whether ${name} made the video: ${messageOf(error)}`, {
    cause: error,
    requestId: requestIdOf(error),
  })
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : 'no answer'
}

function addressesIn(value: VideoRequest['image']): string[] {
  return typeof value === 'string' && !value.startsWith('data:') ? [...bareUrls(value)] : []
}
