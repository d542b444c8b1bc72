import type { Clock } from '../../../contracts/clock.js'
import type { GeneratedVideo, GeneratedVideoFacts } from '../../../contracts/generator.js'
import { isJson } from '../../../contracts/is-json.js'
import type { JsonObject } from '../../../contracts/json.js'
import { NoUsableUrlError } from '../../../contracts/run-errors.js'
import { rememberSecret } from '../../../contracts/secrets/known-secrets.js'
import type { VideoSource } from '../../../contracts/source.js'
import { UpstreamResponseError } from '../../../contracts/upstream-errors.js'
import { amountOf } from '../../../contracts/usage.js'
import { isRecord } from '../../../upstream/is-record.js'
import { memoryVideo } from '../../../upstream/memory-video.js'
import { isPlainHttp } from '../../../upstream/plain-http.js'
import { plainNames } from '../../../upstream/plain-names.js'
import { remoteVideo } from '../../../upstream/remote-video.js'
import { carriesSecret, headerSecrets, holdsSecret, maskOf, rememberConfigured } from '../../../upstream/secret.js'
import { inlineOutput } from '../../../upstream/video-output.js'
import { jobUsage } from '../answers/job-usage.js'
import type { VideoModelResult, VideoModelVideo } from './video-model-like.js'
import type { CheckedVideoModelOptions } from './video-model-options.js'

/** What is needed to reach the video of a finished job. */
export interface ModelVideoContext {
  readonly id: string
  readonly model: string
  readonly options: CheckedVideoModelOptions
  readonly clock: Clock
}

const KEY_NAMES =
  /^(?:x[-_])?(?:api[-_]?key|key|access[-_]?token|token|auth|authorization|secret|pass(?:word|wd)?|pwd)$/i
// Keys of Google, OpenAI and those like it, Replicate, and Hugging Face, under any name.
const KEY_VALUES = /^(?:AIza|sk-|r8_|hf_)[\w-]{16,}$/
const TICKS = 'cost_in_usd_ticks'
// Addresses at these places need the key of the account, as their providers document.
const BEHIND_KEY = /^https:\/\/(?:generativelanguage\.googleapis\.com|openrouter\.ai\/api)\//i

/**
 * The video of a finished job: the first one that can be reached.
 * @throws NoUsableUrlError when it is only in a bucket or at a destination of the caller's.
 * @throws UpstreamResponseError when the result has no video.
 */
export function modelVideo(result: VideoModelResult, context: ModelVideoContext): GeneratedVideo {
  const videos: readonly VideoModelVideo[] = Array.isArray(result.videos) ? result.videos : []
  let failure: unknown
  for (const video of videos) {
    try {
      return { ...factsOf(result, context), ...placeOf(video, context) }
    } catch (error) {
      failure ??= error
    }
  }
  throw failure ?? unusable(context, 'it completed without a video')
}

type Place =
  | { readonly url: string; readonly source: VideoSource }
  | { readonly url?: undefined; readonly source: VideoSource }

function placeOf(video: VideoModelVideo, context: ModelVideoContext): Place {
  const { name } = context.options
  const mediaType = typeof video.mediaType === 'string' && video.mediaType !== '' ? video.mediaType : undefined
  switch (video.type) {
    case 'url':
      return placeAt(video.url, context)
    case 'base64':
      return inMemory(Buffer.from(String(video.data), 'base64'), mediaType, context)
    case 'binary':
      return inMemory(video.data, mediaType, context)
    case 'uploaded':
      throw unreachable(
        `${name} uploaded it to the destination in its own configuration; read it there, or let the model return it`,
      )
    default:
      throw unusable(context, 'its video is of an unknown type')
  }
}

function placeAt(written: string, context: ModelVideoContext): Place {
  const { options, clock } = context
  const inline = inlineOutput(written)
  if (inline !== undefined) return inMemory(Buffer.from(inline.base64, 'base64'), inline.mediaType, context)
  if (!URL.canParse(written)) throw unusable(context, 'the address of its video cannot be read')
  const url = new URL(written)
  if (url.protocol === 'data:') throw unusable(context, 'its video is a data URL without base64')
  if (!/^https?:$/.test(url.protocol)) {
    const place = `${url.protocol}//${url.host}`
    const fix = 'read it from there with an uploader of your own, or let the model return its bytes'
    throw unreachable(`it is in the bucket ${place}, which no client can open; ${fix}`)
  }
  if (!isPlainHttp(url))
    throw unusable(context, 'the address of its video has a user name or a port that is not allowed')
  const headers = options.downloadHeaders?.(new URL(url))
  const secrets = headerSecrets(headers ?? {})
  if (headers !== undefined) rememberConfigured(headers)
  const keys = keysIn(url)
  for (const key of keys) rememberSecret(key)
  const carriesKey = keys.length > 0 || holdsSecret(written, secrets)
  const isPublic = !carriesKey && headers === undefined && !BEHIND_KEY.test(url.href)
  const source = remoteVideo({
    url: url.href,
    isPublic,
    isUrlSecret: carriesKey,
    ...(headers !== undefined && {
      credentials: { origin: url.origin, get: async () => ({ headers, secrets, mask: maskOf([...secrets, ...keys]) }) },
      isOwnForeign: true,
    }),
    allowPrivateAddresses: options.allowPrivateAddresses,
    clock,
    timeoutMs: options.downloadTimeoutMs,
  })
  return isPublic ? { url: url.href, source } : { source }
}

function keysIn({ searchParams }: URL): readonly string[] {
  const isKey = ([name, value]: [string, string]) => (KEY_NAMES.test(name) && value !== '') || KEY_VALUES.test(value)
  return [...searchParams].filter(isKey).map(([, value]) => value)
}

function inMemory(bytes: unknown, mediaType: string | undefined, context: ModelVideoContext): Place {
  if (!(bytes instanceof Uint8Array) || bytes.byteLength === 0) throw unusable(context, 'its video is empty')
  return { source: memoryVideo(bytes, { mediaType }) }
}

// Such as `{ openrouter: { cost } }`, `{ xai: { costInUsdTicks } }`, `{ alibaba: { usage } }`, `{ minimax: { usage } }` and
// `{ replicate: { metrics } }`.
function factsOf({ providerMetadata }: VideoModelResult, { id, model }: ModelVideoContext): GeneratedVideoFacts {
  const layers = Object.values(providerMetadata ?? {}).flatMap((facts) => [plainNames(facts)].filter(isRecord))
  const own = layers.map(({ usage }) => plainNames(usage)).find(isRecord)
  const ticks = layers.map((layer) => amountOf(layer[TICKS])).find((amount) => amount !== undefined)
  const usage = jobUsage(layers, { ...(ticks !== undefined && { [TICKS]: ticks }), ...own } as JsonObject)
  const isKept = usage !== undefined && isJson(usage) && !carriesSecret(JSON.stringify(usage), [])
  return { id, model, ...(isKept && { usage }) }
}

// The job is paid: an error of this class never leads to another generator.
function unreachable(reason: string): NoUsableUrlError {
  const error: NoUsableUrlError = new NoUsableUrlError(`Could not give a URL of the video: ${reason}`, {
    source: { isPublic: false, open: () => Promise.reject(error) },
  })
  return error
}

function unusable({ options }: ModelVideoContext, problem: string): UpstreamResponseError {
  const message = `Could not read the result of ${options.name}: ${problem}`
  return new UpstreamResponseError(message, { isRetryable: false })
}
