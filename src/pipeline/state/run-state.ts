import type { SoraPipelineErrorJson } from '../../contracts/errors.js'
import type { UpstreamState } from '../../contracts/events.js'
import type { GeneratedVideo, GeneratedVideoFacts } from '../../contracts/generator.js'
import { jsonPartOf } from '../../contracts/is-json.js'
import type { Publication } from '../../contracts/publisher.js'
import type { VideoRequest } from '../../contracts/request.js'
import type { ResolvedVideo } from '../../contracts/resolver.js'
import type { Attempt, PipelineResult, RunWarning } from '../../contracts/result.js'
import type { StageName } from '../../contracts/stage.js'
import type { UploadedVideo } from '../../contracts/uploader.js'
import { fingerprintOf, type StoredRequest } from './stored-request.js'
import type { Submission } from './submission.js'

/** What a run is at. `unpublish` and `finish` are not stages: nothing can fail in them. */
export type Step = 'generate' | 'publish' | 'resolve' | 'upload' | 'unpublish' | 'finish'

/** A generated video as it is saved: a source with a key cannot be, and is polled for again after a restart. */
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

/**
 * Both clocks at one save, in epoch milliseconds: the wall clock, and the time of the run, which a wall clock that steps does not
 * move. A deadline had `deadline - run` milliseconds left then.
 */
export type TimeMark = { readonly wall: number; readonly run: number }

/** Everything about a run that outlives the process. JSON without secrets. Only the journal assigns it. */
export type RunState = {
  readonly v: 2
  readonly id: string
  readonly status: 'running' | 'completed' | 'failed' | 'needs-review'
  /** The worker that holds the run; absent between the calls of `advance`, and once it has ended. */
  readonly worker?: string
  /** What a process of version 0.1.0 holds the run by, until an instant of the wall clock. */
  readonly formerLease?: { readonly owner: string; readonly until: number }
  /** How many workers took the run over from another: events of each are numbered from this many millions. */
  readonly epoch: number
  readonly wakeAt: number
  readonly startedAt: number
  /** Epoch milliseconds; absent for no limit. */
  readonly deadlineAt?: number
  /** When it was last saved while it ran, by both clocks; absent in states of 0.1.0, and once it has ended. */
  readonly time?: TimeMark
  /** Tenant of the run; absent when it has none. */
  readonly owner?: string
  /** The run that this one retries. */
  readonly retryOf?: string
  /** Whether the caller chose the id. */
  readonly isCallerId?: boolean
  /** When it was taken out of lists and lookups. */
  readonly removedAt?: number
  /** When its prompt and media were erased. */
  readonly erasedAt?: number
  /** Whether the store has forgotten all but what answers the id again. */
  readonly isRetained?: boolean
  readonly request: StoredRequest
  /** Of the request, so that another one under the same id is seen. */
  readonly fingerprint: string
  readonly step: Step
  /** When the present step began; absent before it did. */
  readonly stepStartedAt?: number
  readonly submission?: Submission
  readonly video?: StoredVideo
  readonly publication?: Publication
  readonly resolved?: ResolvedVideo
  readonly uploaded?: UploadedVideo
  /** Every public URL of the video that was seen, in the order in which they came; absent before there is a video. */
  readonly candidates?: readonly Candidate[]
  readonly attempts: readonly Attempt[]
  readonly warnings: readonly RunWarning[]
  readonly isDegraded: boolean
  readonly endedAt?: number
  readonly error?: SoraPipelineErrorJson
  /** Whether a person let the run take a job that the store did not know. */
  readonly isAdopted?: boolean
  readonly isAborted?: boolean
  /** How many submissions were surely refused at their first send. */
  readonly refusals?: number
  /** Of a run that failed: no submission was ever accepted, or of an unknown outcome. */
  readonly isRefused?: boolean
  /** What an ended run left at its generator, as far as the process that ended it learned. */
  readonly upstream?: UpstreamState
}

/** What a new run is made of. */
export interface NewRun {
  readonly id: string
  readonly request: StoredRequest
  readonly identity: RunIdentity
  readonly now: number
  /** `Infinity` for no limit. */
  readonly totalMs: number
  readonly isAdopted?: boolean | undefined
  readonly isCallerId: boolean
  readonly retryOf?: string | undefined
  readonly submission: Submission
}

/** The state of a run that has just begun to generate. */
export function newRunState(run: NewRun): RunState {
  const { id, request, identity, now, totalMs, isCallerId, isAdopted, retryOf, submission } = run
  return {
    v: 2,
    id,
    status: 'running',
    epoch: 0,
    wakeAt: now,
    startedAt: now,
    time: { wall: now, run: now },
    ...(Number.isFinite(totalMs) && { deadlineAt: now + totalMs }),
    ...(isCallerId && { isCallerId }),
    ...(isAdopted && { isAdopted }),
    ...(retryOf !== undefined && { retryOf }),
    ...identity,
    request,
    step: 'generate',
    stepStartedAt: now,
    submission,
    attempts: [],
    warnings: [],
    isDegraded: false,
  }
}

/** What a run is known by: the request, and its tenant. */
export type RunIdentity = Pick<RunState, 'fingerprint' | 'owner'>

/** The identity of a run of a request. */
export function identityOf(request: VideoRequest, owner: string | undefined): RunIdentity {
  return { fingerprint: fingerprintOf(request), ...(owner !== undefined && { owner }) }
}

/** A generated video without what cannot be saved. */
export function storableVideo({ source: _source, url, ...facts }: GeneratedVideo): StoredVideo {
  return { ...jsonPartOf(facts), ...(url !== undefined && { url }) }
}

/** Number of the submission whose job is in a state. */
export function jobOf({ submission }: RunState): number | undefined {
  return submission?.state === 'accepted' ? submission.number : undefined
}

/** Whether a failed run surely paid nothing: each of its submissions was refused at its first send, or never sent. */
export function isRefusedRun({ submission, refusals = 0 }: RunState): boolean {
  if (submission === undefined) return false
  const isUnsent = submission.state === 'ready' && submission.sentAt === null
  return refusals === submission.number || (isUnsent && refusals === submission.number - 1)
}

/** Those of both, each text of a stage once. */
export function withWarnings(to: readonly RunWarning[], more: readonly RunWarning[]): readonly RunWarning[] {
  const isKnown = ({ code, message, stage }: RunWarning) =>
    to.some((known) => known.code === code && known.message === message && known.stage === stage)
  const added = more.filter((warning) => !isKnown(warning))
  return added.length === 0 ? to : [...to, ...added]
}
