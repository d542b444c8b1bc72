import type { Clock } from '../../../contracts/clock.js'
import { parseSize } from '../../../contracts/frame-size.js'
import type { GeneratedVideo, GeneratedVideoFacts } from '../../../contracts/generator.js'
import type { VideoSource } from '../../../contracts/source.js'
import type { Api, ApiAnswer } from '../../../upstream/api.js'
import type { AllowPrivateAddresses } from '../../../upstream/download/allowed-destinations.js'
import { memoryVideo } from '../../../upstream/memory-video.js'
import { isPlainHttp } from '../../../upstream/plain-http.js'
import { remoteVideo } from '../../../upstream/remote-video.js'
import { carriesSecret, holdsSecret } from '../../../upstream/secret.js'
import { hasVideoEvidence, type VideoOutput, videoOutputs } from '../../../upstream/video-output.js'
import { instantOf, type JobAnswer } from '../answers/job-answer.js'
import { jobUsage } from '../answers/job-usage.js'
import { firstSourceOf } from './first-source.js'
import { isInput } from './request-inputs.js'

/** A completed job, and what is needed to reach its video. */
export interface FinishedJob {
  readonly id: string
  readonly body: JobAnswer
  /** The answer to the poll, when `body` is the result that it leads to. */
  readonly polled?: JobAnswer | undefined
  /** Digests of the media of the request, which are never the video. */
  readonly inputs?: readonly string[] | undefined
  readonly answer: ApiAnswer
  readonly api: Api
  readonly clock: Clock
  readonly timeoutMs: number
  readonly allowPrivateAddresses: AllowPrivateAddresses | undefined
  /** Where the server has the video of a job even if its answers name no address; absent if there is no such place. */
  readonly contentUrlOf?: ((id: string) => string) | undefined
}

/** What opens a video at an address. */
export type Remote = Pick<FinishedJob, 'api' | 'clock' | 'timeoutMs' | 'allowPrivateAddresses'>

const MOST_PLACES = 5
const LONGEST_URL = 2_000
const ACCEPTED = 202
// For a server behind a proxy that serves it below another path.
const CONTENT = /\/videos\/[^/]+\/content$/

/**
 * The video of a job, from the most trusted address in the answer; `undefined` if it names none, or only a preview. An
 * address below `baseUrl` needs the key, if there is one; any other is public. An address that contains the key is
 * never surfaced. If the first address cannot be opened, the source reads the next one, then the server's own place,
 * and a preview after the last.
 */
export function namedVideo(job: FinishedJob): GeneratedVideo | undefined {
  // The answer to a submission may be the file itself.
  if (job.answer.video !== undefined) return { ...factsOf(job), source: memoryVideo(job.answer.video) }
  const outputs = outputsOf(job)
  const videos = videosAt(job, outputs.named)
  const [first] = videos
  if (first?.source === undefined || outputs.named[0]?.kind === 'bytes') return first
  const places = () => [...videos, ...polledVideos(job), contentVideo(job), ...videosAt(job, outputs.lastResort)]
  return withPlaces(first, first.source, places)
}

/**
 * The video of a completed job that names none: at an address of the poll that led to its result, at the place that the server has for
 * it, else a preview that the answer names; `undefined` if it has none of them.
 */
export function unnamedVideo(job: FinishedJob): GeneratedVideo | undefined {
  const places = [...polledVideos(job), contentVideo(job), ...videosAt(job, outputsOf(job).lastResort)]
  const videos = places.filter((video) => video !== undefined)
  const [first, ...more] = videos
  if (first?.source === undefined || more.length === 0) return first
  return withPlaces(first, first.source, () => videos)
}

// What the answer to the poll names is less certain than the result that it leads to.
function polledVideos({ polled, ...job }: FinishedJob): readonly GeneratedVideo[] {
  return polled === undefined ? [] : videosAt(job, outputsOf({ ...job, body: polled }).named)
}

function outputsOf({ body, api, inputs = [] }: FinishedJob) {
  const all = videoOutputs(body.outputs, api.address('/'))
  const outputs = all.filter((output) => !isInput(output, inputs)).slice(0, MOST_PLACES)
  return {
    named: outputs.filter(({ isLastResort }) => isLastResort === undefined),
    lastResort: outputs.filter(({ isLastResort }) => isLastResort === true),
  }
}

function videosAt(job: FinishedJob, outputs: readonly VideoOutput[]): readonly GeneratedVideo[] {
  return outputs.flatMap(
    (output) => (output.kind === 'bytes' ? inlineVideo(job, output) : addressedVideo(job, output)) ?? [],
  )
}

/**
 * Whether the video that an answer to a submission names without a state may still be made, so that the job is polled for it: its
 * address has no evidence of a video, or the answer has the id of a job and was only accepted, or the address is on another origin or
 * that of the content of a job, which servers name before there is a file. An answer in the form of OpenAI's images is the result.
 */
export function isVideoToCome(job: FinishedJob): boolean {
  const { answer, body, api } = job
  if (body.state !== undefined || answer.video !== undefined) return false
  if (!hasEvidence(job)) return true
  const [first] = outputsOf(job).named
  // What `read` gave is the video.
  if (body.id === undefined || body.reading?.urls !== undefined || first?.kind !== 'url') return false
  if (isImagesForm(job)) return false
  const { origin, pathname } = new URL(first.url)
  const isUnfinished = body.ratio !== undefined && body.ratio < 1
  return answer.status === ACCEPTED || isUnfinished || origin !== api.origin || CONTENT.test(pathname)
}

// As of OpenAI's images, an answer that is given when everything is made.
function isImagesForm({ answer, body }: FinishedJob): boolean {
  const { created, data } = Object(body.outputs) as { readonly created?: unknown; readonly data?: unknown }
  return answer.status !== ACCEPTED && typeof created === 'number' && Array.isArray(data)
}

function hasEvidence({ body, api, inputs = [] }: FinishedJob): boolean {
  return hasVideoEvidence(body.outputs, api.address('/'), (output) => isInput(output, inputs))
}

/**
 * The address of a video that may still be made, which is kept with its job; `undefined` without evidence of a video, and if it contains
 * the key.
 */
export function earlyUrlOf(job: FinishedJob): string | undefined {
  const url = hasEvidence(job) ? namedVideo(job)?.source?.url : undefined
  return url !== undefined && url.length <= LONGEST_URL ? url : undefined
}

/** The video of a job at the address that was kept with it; `undefined` if that is not a usable one. */
export function earlyVideo(job: Remote & Pick<FinishedJob, 'id'>, url: unknown): GeneratedVideo | undefined {
  if (typeof url !== 'string' || !URL.canParse(url) || !isPlainHttp(new URL(url))) return undefined
  const reader = readerOf(job.api, new URL(url))
  const source = sourceAt(job, { url, carriesKey: false }, reader, undefined)
  return { id: job.id, ...(reader === 'anyone' && { url }), source }
}

function withPlaces(
  first: GeneratedVideo,
  source: VideoSource,
  videos: () => readonly (GeneratedVideo | undefined)[],
): GeneratedVideo {
  return { ...first, source: firstSourceOf(source, () => videos().flatMap((video) => video?.source ?? [])) }
}

/** The video at the place that the server has for it; `undefined` for a server that always names an address. */
export function contentVideo(job: FinishedJob): GeneratedVideo | undefined {
  const url = job.contentUrlOf?.(job.id)
  if (url === undefined) return undefined
  const carriesKey = holdsSecret(url, job.answer.secrets)
  return videoAt(job, { url, carriesKey }, job.api.hasCredential ? 'owner' : 'anyone')
}

function inlineVideo(job: FinishedJob, output: Extract<VideoOutput, { kind: 'bytes' }>): GeneratedVideo | undefined {
  const bytes = new Uint8Array(Buffer.from(output.base64, 'base64'))
  if (bytes.byteLength === 0) return undefined
  return { ...factsOf(job), source: memoryVideo(bytes, { mediaType: output.mediaType }) }
}

function addressedVideo(job: FinishedJob, output: Extract<VideoOutput, { kind: 'url' }>): GeneratedVideo | undefined {
  const { api, answer } = job
  const url = new URL(output.url)
  if (!isPlainHttp(url)) return undefined
  const carriesKey = holdsSecret(output.url, answer.secrets)
  // Opening it would send the key to another origin, surfacing it would publish the key.
  if (carriesKey && url.origin !== api.origin) return undefined
  return videoAt(job, { url: output.url, carriesKey }, readerOf(api, url, carriesKey || output.needsKey))
}

function readerOf(api: Api, url: URL, isSecret = false): 'owner' | 'anyone' {
  const isOfApi = isSecret || api.covers(url) || CONTENT.test(url.pathname)
  return url.origin === api.origin && api.hasCredential && isOfApi ? 'owner' : 'anyone'
}

/** An address of the video. */
interface Place {
  readonly url: string
  /** Whether the key is in it. */
  readonly carriesKey: boolean
}

function videoAt(job: FinishedJob, place: Place, reader: 'owner' | 'anyone'): GeneratedVideo {
  const { url } = place
  const facts = factsOf(job)
  const source = sourceAt(job, place, reader, facts.expiresAt)
  return reader === 'anyone' ? { ...facts, url, source } : { ...facts, source }
}

function sourceAt(
  job: Remote,
  { url, carriesKey }: Place,
  reader: 'owner' | 'anyone',
  expiresAt: number | undefined,
): VideoSource {
  const { api, clock, timeoutMs, allowPrivateAddresses } = job
  return remoteVideo({
    url,
    isPublic: reader === 'anyone',
    isUrlSecret: carriesKey,
    ...(reader === 'owner' && { credentials: { origin: api.origin, get: api.credentials } }),
    ownOrigin: api.origin,
    allowPrivateAddresses,
    clock,
    timeoutMs,
    fetch: api.fetch,
    ...(expiresAt !== undefined && { expiresAt }),
  })
}

function factsOf({ id, body, polled, answer }: FinishedJob): GeneratedVideoFacts {
  const { facts } = body
  // The status of a job at fal has its metrics, and the result has the video.
  const usage = jobUsage([...body.layers, ...(polled?.layers ?? [])], facts.usage ?? polled?.facts.usage)
  const isClean = (value: unknown) => !carriesSecret(JSON.stringify(value), answer.secrets)
  const frame = parseSize(facts.size)
  const [width, height] = [facts.width ?? frame?.width, facts.height ?? frame?.height]
  const durationSeconds = facts.seconds ?? facts.duration
  const expiresAt = instantOf(facts.expires_at)
  return {
    id,
    ...(durationSeconds !== undefined && { durationSeconds }),
    ...(width !== undefined && { width }),
    ...(height !== undefined && { height }),
    ...(facts.model !== undefined && facts.model !== '' && isClean(facts.model) && { model: facts.model }),
    ...(expiresAt !== undefined && { expiresAt }),
    ...(usage !== undefined && isClean(usage) && { usage }),
  }
}
