import { randomUUID } from 'node:crypto'
import { toRenderOrder } from './make-video.js'
import type { VideoRenderer } from './video-renderer.js'
import type { RenderOrder } from './video-worker.js'

/** The video that a job makes. */
export interface VideoJobRequest {
  readonly prompt: string
  readonly model: string
  /** Whole seconds as text: `4`. */
  readonly seconds: string
  /** `{width}x{height}` in pixels. */
  readonly size: string
  readonly remixedFrom?: string | undefined
}

/** One job. */
export interface VideoJob extends VideoJobRequest {
  /** Such as `video_0b9c4f6e…`, new in every sandbox. */
  readonly id: string
  /** Epoch milliseconds. */
  readonly createdAt: number
  /** Its current state. */
  state(): VideoJobState
}

/** The state of a job. A completed one contains its bytes. */
export type VideoJobState =
  | { readonly status: 'queued' | 'in_progress'; readonly progress: number }
  | { readonly status: 'completed'; readonly video: Uint8Array; readonly completedAt: number }
  | { readonly status: 'failed'; readonly error: VideoJobError }

/** The reason of a failure. */
type VideoJobError = { readonly code: string; readonly message: string }

/** The jobs of a sandbox, in the order of creation. */
export interface VideoJobs {
  create(request: VideoJobRequest): VideoJob
  find(id: string): VideoJob | undefined
  list(): readonly VideoJob[]
  /** Deletes a job and stops its rendering. */
  delete(id: string): void
}

/** Options of {@link videoJobs}. */
export interface VideoJobsOptions {
  readonly renderer: VideoRenderer
  /** Factor by which a job is faster than 6 seconds; above 0. */
  readonly speed: number
  /** Whole number; the same seed gives the same series of durations. */
  readonly seed: number
  /** Epoch milliseconds. */
  readonly now?: (() => number) | undefined
}

interface Timing {
  readonly createdAt: number
  readonly durationMs: number
}

/** The result of the rendering. */
type Rendered = { readonly video: Uint8Array; readonly at: number } | { readonly problem: string }

const USUAL_DURATION_MS = 6_000
// Shares of the whole time, so that a job is first seen in line and then running.
const QUEUED_RATIO = 0.1

const VERDICTS: readonly (readonly [word: string, error: VideoJobError])[] = [
  ['moderation-blocked', { code: 'moderation_blocked', message: 'The request was blocked by the moderation system' }],
  ['generation-failed', { code: 'server_error', message: 'The video could not be generated' }],
]

/**
 * Creates jobs that start to render at once. A job is completed when both its time is up and its video is rendered;
 * until then the progress stays at 99. A prompt with the word `moderation-blocked` or `generation-failed` fails when
 * its time is up.
 */
export function videoJobs({ renderer, speed, seed, now = Date.now }: VideoJobsOptions): VideoJobs {
  const jobs = new Map<string, { readonly job: VideoJob; readonly deletion: AbortController }>()
  let created = 0

  return {
    create(request) {
      const id = `video_${randomUUID().replaceAll('-', '')}`
      const durationMs = (USUAL_DURATION_MS / speed) * (0.9 + 0.2 * seededRatio(seed + created))
      created += 1
      const deletion = new AbortController()
      const verdict = VERDICTS.find(([word]) => request.prompt.includes(word))?.[1]
      let rendered: Rendered | undefined
      if (verdict === undefined) {
        renderer.render(toOrder(request), deletion.signal).then(
          (video) => {
            rendered = { video, at: now() }
          },
          (error: unknown) => {
            rendered = { problem: error instanceof Error ? error.message : String(error) }
          },
        )
      }
      // Read after the start of a worker, which may take longer than a fast job waits in line.
      const timing = { createdAt: now(), durationMs }
      const state = () => (verdict === undefined ? stateAt(now(), timing, rendered) : failAt(now(), timing, verdict))
      const job = { ...request, id, createdAt: timing.createdAt, state }
      jobs.set(id, { job, deletion })
      return job
    },
    find: (id) => jobs.get(id)?.job,
    list: () => Array.from(jobs.values(), ({ job }) => job),
    delete(id) {
      jobs.get(id)?.deletion.abort()
      jobs.delete(id)
    },
  }
}

function toOrder({ prompt, size, seconds }: VideoJobRequest): RenderOrder {
  const [width = 0, height = 0] = size.split('x').map(Number)
  return toRenderOrder({ prompt, width, height, durationSeconds: Number(seconds) })
}

function stateAt(at: number, { createdAt, durationMs }: Timing, rendered: Rendered | undefined): VideoJobState {
  if (rendered !== undefined && 'problem' in rendered) {
    return { status: 'failed', error: { code: 'server_error', message: rendered.problem } }
  }
  const endsAt = createdAt + durationMs
  if (at >= endsAt && rendered !== undefined) {
    return { status: 'completed', video: rendered.video, completedAt: Math.max(endsAt, rendered.at) }
  }
  return pendingAt(at, { createdAt, durationMs })
}

function failAt(at: number, timing: Timing, error: VideoJobError): VideoJobState {
  return at >= timing.createdAt + timing.durationMs ? { status: 'failed', error } : pendingAt(at, timing)
}

function pendingAt(at: number, { createdAt, durationMs }: Timing): VideoJobState {
  const ratio = at >= createdAt + durationMs ? 1 : (at - createdAt) / durationMs
  if (ratio < QUEUED_RATIO) return { status: 'queued', progress: 0 }
  return { status: 'in_progress', progress: Math.min(99, Math.floor(ratio * 100)) }
}

// From 0 to 1; neighbouring seeds give unrelated numbers.
function seededRatio(seed: number): number {
  let value = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b)
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35)
  return ((value ^ (value >>> 16)) >>> 0) / 2 ** 32
}
