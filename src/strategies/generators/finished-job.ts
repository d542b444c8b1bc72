import type { Clock } from '../../contracts/clock.js'
import type { GeneratedVideo, GeneratedVideoFacts } from '../../contracts/generator.js'
import type { VideoSource } from '../../contracts/source.js'
import type { Api, ApiAnswer } from '../../upstream/api.js'
import type { AllowPrivateAddresses } from '../../upstream/download/allowed-destinations.js'
import { memoryVideo } from '../../upstream/memory-video.js'
import { isPlainHttp } from '../../upstream/plain-http.js'
import { remoteVideo } from '../../upstream/remote-video.js'
import { carriesSecret, holdsSecret } from '../../upstream/secret.js'
import { type VideoOutput, videoOutputs } from '../../upstream/video-output.js'
import { instantOf, type JobAnswer } from './job-answer.js'
import { parseSize } from './video-size.js'

/** A job that is done, and what it takes to reach its video. */
export interface FinishedJob {
  readonly id: string
  readonly body: JobAnswer
  readonly answer: ApiAnswer
  readonly api: Api
  readonly clock: Clock
  readonly timeoutMs: number
  readonly allowPrivateAddresses: AllowPrivateAddresses | undefined
}

/**
 * The video of a job, from the most trusted place that the answer names; `undefined` when it names none. An address below
 * `baseUrl` is behind the key, when there is one; any other is public. An address that carries the key is never surfaced.
 */
export function namedVideo(job: FinishedJob): GeneratedVideo | undefined {
  for (const output of videoOutputs(job.body, job.api.address('/'))) {
    const video = output.kind === 'bytes' ? inlineVideo(job, output) : addressedVideo(job, output)
    if (video !== undefined) return video
  }
  return undefined
}

/** The video at `/videos/{id}/content`, where servers keep it that name no address. */
export function contentVideo(job: FinishedJob): GeneratedVideo {
  const url = job.api.address(`/videos/${encodeURIComponent(job.id)}/content`)
  return videoAt(job, url, job.api.hasCredential ? 'owner' : 'anybody')
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
  const isOwn = url.origin === api.origin
  const carriesKey = holdsSecret(output.url, answer.secrets)
  // Opening it would hand the key to another origin, surfacing it to everybody.
  if (carriesKey && !isOwn) return undefined
  const isBehindKey = isOwn && api.hasCredential && (carriesKey || output.needsKey || api.covers(url))
  return videoAt(job, output.url, isBehindKey ? 'owner' : 'anybody')
}

function videoAt(job: FinishedJob, url: string, reader: 'owner' | 'anybody'): GeneratedVideo {
  const facts = factsOf(job)
  const source = sourceAt(job, url, reader, facts.expiresAt)
  return reader === 'anybody' ? { ...facts, url, source } : { ...facts, source }
}

function sourceAt(
  job: FinishedJob,
  url: string,
  reader: 'owner' | 'anybody',
  expiresAt: number | undefined,
): VideoSource {
  const { api, clock, timeoutMs, allowPrivateAddresses } = job
  return remoteVideo({
    url,
    isPublic: reader === 'anybody',
    isUrlSecret: holdsSecret(url, job.answer.secrets),
    ...(reader === 'owner' && { credentials: { origin: api.origin, get: api.credentials } }),
    ownOrigin: api.origin,
    allowPrivateAddresses,
    clock,
    timeoutMs,
    fetch: api.fetch,
    ...(expiresAt !== undefined && { expiresAt }),
  })
}

function factsOf({ id, body, answer }: FinishedJob): GeneratedVideoFacts {
  const isClean = (value: unknown) => !carriesSecret(JSON.stringify(value), answer.secrets)
  const frame = parseSize(body.size)
  const [width, height] = [body.width ?? frame?.width, body.height ?? frame?.height]
  const durationSeconds = body.seconds ?? body.duration
  const expiresAt = instantOf(body.expires_at)
  return {
    id,
    ...(durationSeconds !== undefined && { durationSeconds }),
    ...(width !== undefined && { width }),
    ...(height !== undefined && { height }),
    ...(body.model !== undefined && body.model !== '' && isClean(body.model) && { model: body.model }),
    ...(expiresAt !== undefined && { expiresAt }),
    ...(body.usage !== undefined && isClean(body.usage) && { usage: body.usage }),
  }
}
