import { RecordedError } from '../../contracts/recorded-error.js'
import { toOpenAiError } from '../../openai/to-openai-error.js'
import type { RunRecord } from '../../pipeline/run-record.js'

/**
 * A video in the format of the Videos API, with all of its fields: `{ id: 'video_1', object: 'video', created_at:
 * 1767225600, status: 'in_progress', progress: 40, model: 'sora-2', prompt: 'A cat', seconds: '8', size: '1280x720',
 * completed_at: null, expires_at: null, error: null, remixed_from_video_id: null }`.
 */
export interface VideoObject {
  /** Id of the run. */
  readonly id: string
  /** Kind of the object. */
  readonly object: 'video'
  /** When the run started, in Unix seconds. */
  readonly created_at: number
  /** State of the run. */
  readonly status: 'queued' | 'in_progress' | 'completed' | 'failed'
  /** Progress of the generation in whole per cent, as reported by the upstream; below 100 until there is a URL. */
  readonly progress: number
  /**
   * The model that was requested, by the caller's name for it, or `sora-1.0`: the same in every answer, whatever the
   * upstream calls its own.
   */
  readonly model: string
  /** Prompt of the request; empty once the run was erased. */
  readonly prompt: string
  /** `null` if neither the request nor the upstream gives it. */
  readonly seconds: string | null
  /** `{width}x{height}`, or `null` if neither the request nor the upstream gives it. */
  readonly size: string | null
  /** When the run ended, in Unix seconds; `null` before. */
  readonly completed_at: number | null
  /** Unix seconds after which the URL may stop working; `null` if unknown. */
  readonly expires_at: number | null
  /** The reason why the run failed; `null` if it did not. */
  readonly error: { readonly code: string; readonly message: string } | null
  /** Id of the video that was remixed, or `null`. */
  readonly remixed_from_video_id: string | null
  /** Beyond OpenAI's fields: the public URL, once there is one. */
  readonly url?: string
}

/** Fields of `metadata` for data that is not the pipeline's. */
export const METADATA = {
  /** The caller's name for the model. */
  model: 'model',
  remixedFrom: 'remixed_from_video_id',
  webhookUrl: 'webhook_url',
} as const

/** Converts a run to a video object. */
export function videoObject(record: RunRecord): VideoObject {
  const { id, request, startedAt, endedAt, result, urlExpiresAt } = record
  const { metadata = {} } = request
  const video = record.video ?? result?.video
  const seconds = video?.durationSeconds ?? request.durationSeconds
  const frame =
    video?.width !== undefined && video.height !== undefined ? `${video.width}x${video.height}` : request.size
  const status = statusOf(record)
  return {
    id,
    object: 'video',
    created_at: unixSeconds(startedAt),
    status,
    progress: progressOf(record),
    model: metadata[METADATA.model] ?? request.model ?? 'sora-1.0',
    prompt: request.prompt,
    seconds: seconds === undefined ? null : String(seconds),
    size: frame ?? null,
    completed_at: status === 'completed' && endedAt !== undefined ? unixSeconds(endedAt) : null,
    expires_at: urlExpiresAt === undefined ? null : unixSeconds(urlExpiresAt),
    error: status === 'failed' ? errorOf(record) : null,
    remixed_from_video_id: metadata[METADATA.remixedFrom] ?? null,
    ...(result && { url: result.url }),
  }
}

/** Whether the video of a run can be fetched from this server, also one that needs the generator's key. */
export function isServed({ status, error }: RunRecord): boolean {
  return status === 'completed' || error?.code === 'no-usable-url'
}

function statusOf(record: RunRecord): VideoObject['status'] {
  const { status, stage, progress, video } = record
  if (isServed(record)) return 'completed'
  if (status !== 'running') return 'failed'
  const isWaiting = stage === 'generate' && video === undefined && (progress?.ratio ?? 0) === 0
  const isSaidToRun = progress?.phase !== undefined && progress.phase !== 'queued'
  return isWaiting && !isSaidToRun ? 'queued' : 'in_progress'
}

function progressOf(record: RunRecord): number {
  if (isServed(record)) return 100
  const { stage, progress } = record
  if (record.video !== undefined) return 99
  return stage === 'generate' ? Math.min(99, Math.floor((progress?.ratio ?? 0) * 100)) : 0
}

function errorOf({ error }: RunRecord): VideoObject['error'] {
  if (error === undefined) return { code: 'internal_error', message: 'The video failed for an unknown reason' }
  const { code, message } = toOpenAiError(new RecordedError(error)).body.error
  return { code: code ?? 'internal_error', message }
}

function unixSeconds(at: number): number {
  return Math.floor(at / 1000)
}
