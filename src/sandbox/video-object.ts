import type { JsonObject } from '../contracts/json.js'
import type { VideoJob, VideoJobState } from './video-jobs.js'

/** How long the API serves a finished video, according to OpenAI's documentation. */
export const CONTENT_LIFETIME_MS = 3_600_000

/** A job in the format of OpenAI's Videos API, with all of its 13 fields. */
export function toVideoObject(job: VideoJob): JsonObject {
  const state = job.state()
  const completedAt = state.status === 'completed' ? state.completedAt : undefined
  return {
    id: job.id,
    object: 'video',
    model: job.model,
    status: state.status,
    progress: progressOf(state),
    created_at: toSeconds(job.createdAt),
    completed_at: completedAt === undefined ? null : toSeconds(completedAt),
    expires_at: completedAt === undefined ? null : toSeconds(completedAt + CONTENT_LIFETIME_MS),
    prompt: job.prompt,
    size: job.size,
    seconds: job.seconds,
    remixed_from_video_id: job.remixedFrom ?? null,
    error: state.status === 'failed' ? state.error : null,
  }
}

function progressOf(state: VideoJobState): number {
  if (state.status === 'completed') return 100
  return state.status === 'failed' ? 0 : state.progress
}

function toSeconds(epochMs: number): number {
  return Math.floor(epochMs / 1000)
}
