import { createHash } from 'node:crypto'
import * as z from 'zod/mini'
import type { SoraPipelineErrorJson } from '../../contracts/errors.js'
import type { GenerationHandle } from '../../contracts/generation-handle.js'
import type { GeneratedVideo, GeneratedVideoFacts } from '../../contracts/generator.js'
import type { JsonValue } from '../../contracts/json.js'
import type { PollReading } from '../../contracts/poll-schedule.js'
import type { Publication } from '../../contracts/publisher.js'
import type { MediaInput, VideoRequest } from '../../contracts/request.js'
import type { ResolvedVideo } from '../../contracts/resolver.js'
import type { Attempt, PipelineResult, RunWarning } from '../../contracts/result.js'
import { RunStateError } from '../../contracts/run-errors.js'
import type { StoredRun } from '../../contracts/run-store.js'
import type { StageName } from '../../contracts/stage.js'
import type { UploadedVideo } from '../../contracts/uploader.js'

/** What a run is at. `unpublish` and `finish` are no stages: nothing can fail in them. */
export type Step = 'generate' | 'publish' | 'resolve' | 'upload' | 'unpublish' | 'finish'

/** One submission to one generator. */
export type Submission = {
  /** Where in the chain of generators. */
  readonly cursor: JsonValue
  /** Counts the submissions of a run, from 1. */
  readonly number: number
  /** `intent` is saved before the send; whoever loads it later does not know the outcome, as with `unknown`. */
  readonly state: 'ready' | 'intent' | 'unknown' | 'accepted'
  /** When it was meant to be sent first, in epoch milliseconds. */
  readonly intentAt?: number
  /** Tries to learn an unknown outcome: sends under the same key, or look-ups in a row that found nothing. */
  readonly inquiries?: number
  readonly handle?: GenerationHandle
  readonly readings: readonly PollReading[]
  /** Polls in a row that failed for a reason that does not pass by itself. */
  readonly lastingMisses: number
  /** Polls in a row without an answer. */
  readonly misses: number
}

/** A generated video as it is saved: a source with a key cannot be, and is asked for again after a restart. */
export type StoredVideo = GeneratedVideoFacts & { readonly url?: string }

/** How far a stage is; `ratio` is 0 to 1. */
export type RunProgress = { readonly stage: StageName; readonly ratio?: number; readonly phase?: string }

/** A public URL at which the video was seen. Once there is one, the run can only complete. */
export type Candidate = {
  readonly url: string
  readonly servedBy: PipelineResult['servedBy']
  /** Epoch milliseconds after which it may stop working. */
  readonly expiresAt?: number
  /** When it was last seen to serve a video. */
  readonly verifiedAt?: number
  /** When it was last seen not to. */
  readonly failedAt?: number
}

/** Everything about a run that outlives the process. JSON without secrets. */
export type RunState = {
  readonly v: 1
  readonly id: string
  readonly status: 'running' | 'completed' | 'failed' | 'needs-review'
  /** Who works on the run, and until when others leave it alone (epoch milliseconds). */
  readonly lease?: { readonly owner: string; readonly until: number }
  readonly wakeAt: number
  readonly startedAt: number
  /** Epoch milliseconds; absent for no limit. */
  readonly deadlineAt?: number
  /** Who the run belongs to; absent for a run of nobody in particular. */
  readonly owner?: string
  /** When it was taken out of lists and look-ups. */
  readonly removedAt?: number
  /** How far the present stage is, as its strategy said last. */
  readonly progress?: RunProgress
  readonly request: VideoRequest
  /** Of the request, so that another one under the same id is seen. */
  readonly fingerprint: string
  readonly step: Step
  /** Of the present step; absent before it began. */
  readonly stepStartedAt?: number
  readonly submission?: Submission
  readonly video?: StoredVideo
  readonly publication?: Publication
  readonly resolved?: ResolvedVideo
  readonly uploaded?: UploadedVideo
  /** Every public URL of the video that was seen, in the order in which they came; absent in states of older versions. */
  readonly candidates?: readonly Candidate[]
  readonly attempts: readonly Attempt[]
  readonly warnings: readonly RunWarning[]
  readonly isDegraded: boolean
  readonly endedAt?: number
  readonly error?: SoraPipelineErrorJson
  readonly isAborted?: boolean
}

const named = z.looseObject({ id: z.string() })
const addressed = z.looseObject({ url: z.string() })
const handle = z.looseObject({ generator: z.string(), operation: z.json(), startedAt: z.number() })
const attempt = z.looseObject({ stage: z.string(), strategy: z.string(), outcome: z.string(), durationMs: z.number() })

// Checks what the pipeline itself reads; fields of a later version are kept as they are.
const schema = z.looseObject({
  v: z.literal(1),
  id: z.string(),
  status: z.enum(['running', 'completed', 'failed', 'needs-review']),
  lease: z.optional(z.looseObject({ owner: z.string(), until: z.number() })),
  wakeAt: z.number(),
  startedAt: z.number(),
  deadlineAt: z.optional(z.number()),
  owner: z.optional(z.string()),
  removedAt: z.optional(z.number()),
  request: z.looseObject({ prompt: z.string() }),
  fingerprint: z.string(),
  step: z.enum(['generate', 'publish', 'resolve', 'upload', 'unpublish', 'finish']),
  stepStartedAt: z.optional(z.number()),
  submission: z.optional(
    z.looseObject({
      cursor: z.json(),
      number: z.number(),
      state: z.enum(['ready', 'intent', 'unknown', 'accepted']),
      handle: z.optional(handle),
      readings: z.array(z.looseObject({ atMs: z.number(), ratio: z.optional(z.number()) })),
      lastingMisses: z.number(),
      misses: z.number(),
    }),
  ),
  video: z.optional(named),
  publication: z.optional(named),
  resolved: z.optional(addressed),
  uploaded: z.optional(addressed),
  candidates: z.optional(
    z.array(z.looseObject({ url: z.string(), servedBy: z.enum(['uploader', 'resolver', 'generator']) })),
  ),
  attempts: z.array(attempt),
  warnings: z.array(z.looseObject({ code: z.string(), message: z.string() })),
  isDegraded: z.boolean(),
  error: z.optional(z.looseObject({ name: z.string(), code: z.string(), message: z.string() })),
})

/** The state of a run that has not begun. */
export function newRunState(
  id: string,
  request: VideoRequest,
  { now, totalMs, owner }: { readonly now: number; readonly totalMs: number; readonly owner?: string | undefined },
): RunState {
  const stored = storableRequest(request)
  return {
    v: 1,
    id,
    status: 'running',
    wakeAt: now,
    startedAt: now,
    ...(Number.isFinite(totalMs) && { deadlineAt: now + totalMs }),
    ...(owner !== undefined && { owner }),
    request: stored,
    fingerprint: fingerprintOf(stored),
    step: 'generate',
    attempts: [],
    warnings: [],
    isDegraded: false,
  }
}

/** What a run is known by: what was asked for, and by whom. */
export type RunIdentity = Pick<RunState, 'fingerprint' | 'owner'>

/** The identity of a run of a request. */
export function identityOf(request: VideoRequest, owner: string | undefined): RunIdentity {
  return { fingerprint: fingerprintOf(storableRequest(request)), ...(owner !== undefined && { owner }) }
}

/** A submission that is not sent yet. */
export function newSubmission(cursor: JsonValue, number: number): Submission {
  return { cursor, number, state: 'ready', readings: [], lastingMisses: 0, misses: 0 }
}

/**
 * Reads a state that a store gave back.
 * @throws RunStateError when it is of a later version, or is no state of a run.
 */
export function readRunState(id: string, stored: StoredRun): RunState {
  const { v } = stored
  if (typeof v === 'number' && v > 1) {
    throw new RunStateError(`Could not read the run, its state is of a later version of the library: ${id} (v${v})`)
  }
  const parsed = schema.safeParse(stored)
  if (parsed.success) return parsed.data as unknown as RunState
  const { path = [], message = '' } = parsed.error.issues[0] ?? {}
  throw new RunStateError(`Could not read the run, its state is broken at ${path.join('.')} (${message}): ${id}`)
}

/** The state as a store takes it. */
export function toStoredRun(state: RunState): StoredRun {
  return state as unknown as StoredRun
}

/** A generated video without what cannot be saved. */
export function storableVideo({ source: _source, url, ...facts }: GeneratedVideo): StoredVideo {
  return { ...facts, ...(url !== undefined && { url }) }
}

// Bytes become data URLs: a run that is taken up elsewhere still has its image.
function storableRequest(request: VideoRequest): VideoRequest {
  const { image, video, ...rest } = request
  return {
    ...rest,
    ...(image !== undefined && { image: storableMedia(image) }),
    ...(video !== undefined && { video: storableMedia(video) }),
  }
}

function storableMedia(media: MediaInput): string {
  if (typeof media === 'string') return media
  return `data:${media.mediaType};base64,${Buffer.from(media.bytes).toString('base64')}`
}

function fingerprintOf(request: VideoRequest): string {
  return createHash('sha256').update(canonicalJson(request)).digest('hex')
}

function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  )
}
