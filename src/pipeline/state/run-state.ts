import type { SoraPipelineErrorJson } from '../../contracts/errors.js'
import type { UpstreamState } from '../../contracts/events.js'
import type { GeneratedVideo, GeneratedVideoFacts } from '../../contracts/generator.js'
import { jsonPartOf } from '../../contracts/is-json.js'
import type { JsonObject } from '../../contracts/json.js'
import type { Publication } from '../../contracts/publisher.js'
import type { ResolvedVideo } from '../../contracts/resolver.js'
import type { Attempt, PipelineResult, RunWarning } from '../../contracts/result.js'
import type { StageName } from '../../contracts/stage.js'
import type { UploadedVideo } from '../../contracts/uploader.js'
import type { FetchedMedia, StoredRequest } from './stored-request.js'
import type { Submission } from './submission.js'

/** The current step of a run. `unpublish` and `finish` are not stages: a run cannot fail in them. */
export type Step = 'generate' | 'publish' | 'resolve' | 'upload' | 'unpublish' | 'finish'

/** A generated video as it is saved, without its source. After a restart the job is polled for the source. */
export type StoredVideo = GeneratedVideoFacts & { readonly url?: string }

/** Progress of a stage; `ratio` is 0 to 1. */
export type RunProgress = { readonly stage: StageName; readonly ratio?: number; readonly phase?: string }

/** A public URL of the video. With one, the run can only complete. */
export type Candidate = {
  readonly url: string
  readonly servedBy: PipelineResult['servedBy']
  /** Epoch milliseconds after which the URL may stop working. */
  readonly expiresAt?: number
  /** When it last served a video. */
  readonly verifiedAt?: number
  /** When it last failed to serve the video. */
  readonly failedAt?: number
}

/**
 * Both clocks at a save, in epoch milliseconds: the wall clock, and the time of the run, which ignores steps of the wall clock. A
 * deadline had `deadline - run` milliseconds left then.
 */
export type TimeMark = { readonly wall: number; readonly run: number }

/** When another process asked to cancel a run, in epoch milliseconds, and why. */
export type CancelRequest = { readonly at: number; readonly message: string }

/** The durable state of a run. JSON without secrets. Only the journal assigns it. */
export type RunState = {
  readonly v: 2
  readonly id: string
  readonly status: 'running' | 'completed' | 'failed' | 'needs-review'
  /** The worker that holds the run; absent between the calls of `advance`, and after the end. */
  readonly worker?: string
  /** Lease of a process of version 0.1.0, until an instant of the wall clock. */
  readonly formerLease?: { readonly owner: string; readonly until: number }
  /** Number of takeovers: events after each are numbered from this many millions. */
  readonly epoch: number
  readonly wakeAt: number
  readonly startedAt: number
  /** Epoch milliseconds; absent for no limit. */
  readonly deadlineAt?: number
  /** Both clocks at the last save while running; absent in states of 0.1.0, and after the end. */
  readonly time?: TimeMark
  /** Tenant of the run; absent when it has none. */
  readonly owner?: string
  /** The run that this one retries. */
  readonly retryOf?: string
  /** Whether the caller chose the id. */
  readonly isCallerId?: boolean
  /** When the run was removed. */
  readonly removedAt?: number
  /** When its prompt and media were erased. */
  readonly erasedAt?: number
  /** Whether the store has forgotten the run except for the id and the outcome. */
  readonly isRetained?: boolean
  /** W3C `traceparent` of the caller that started the run; not part of the fingerprint. */
  readonly traceparent?: string
  readonly request: StoredRequest
  /** Media that was fetched from the addresses in the request, so that each submission sends the same bytes. */
  readonly fetchedMedia?: FetchedMedia
  /** Hash of the request, which detects another request under the same id. */
  readonly fingerprint: string
  readonly step: Step
  /** The stage that the step leads to in the process that saved it; absent before the video, and in states of version 0.1.0. */
  readonly stage?: Exclude<StageName, 'generate'>
  /** When the current step started; absent before. */
  readonly stepStartedAt?: number
  readonly submission?: Submission
  readonly video?: StoredVideo
  readonly publication?: Publication
  readonly resolved?: ResolvedVideo
  readonly uploaded?: UploadedVideo
  /** Every public URL of the video, in order of arrival; absent before there is a video. */
  readonly candidates?: readonly Candidate[]
  readonly attempts: readonly Attempt[]
  readonly warnings: readonly RunWarning[]
  readonly isDegraded: boolean
  readonly endedAt?: number
  readonly error?: SoraPipelineErrorJson
  /** Whether a person gave the run a job that the store did not know, or that a run left when it ended. */
  readonly isAdopted?: boolean
  /** The ended run that had the job before. */
  readonly adoptedFrom?: string
  /** The run that has adopted the job of this one, or is about to since `at`. */
  readonly adoptedBy?: { readonly id: string; readonly at: number }
  readonly isAborted?: boolean
  /** Number of submissions that were certainly refused at their first send. */
  readonly refusals?: number
  /** Names of the generators whose paid job failed, since the chain was last begun. */
  readonly paid?: readonly string[]
  /** For a failed run: no submission was accepted or had an unknown outcome. */
  readonly isRefused?: boolean
  /** Another process asked to cancel the run; only while it is running. */
  readonly cancelRequest?: CancelRequest
  /** What an ended run left at its generator, as known by the process that ended it. */
  readonly upstream?: UpstreamState
}

/** Options of a new run. */
export interface NewRun {
  readonly id: string
  readonly request: StoredRequest
  readonly identity: RunIdentity
  readonly now: number
  /** `Infinity` for no limit. */
  readonly totalMs: number
  readonly isAdopted?: boolean | undefined
  readonly adoptedFrom?: string | undefined
  readonly isCallerId: boolean
  readonly retryOf?: string | undefined
  readonly traceparent?: string | undefined
  readonly submission: Submission
}

/** The state of a new run. */
export function newRunState(run: NewRun): RunState {
  const { id, request, identity, now, totalMs, isCallerId, isAdopted, adoptedFrom, retryOf, traceparent, submission } =
    run
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
    ...(adoptedFrom !== undefined && { adoptedFrom }),
    ...(retryOf !== undefined && { retryOf }),
    ...(traceparent !== undefined && { traceparent }),
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

/** Identity of a run: the request and the tenant. */
export type RunIdentity = Pick<RunState, 'fingerprint' | 'owner'>

/** A generated video without the parts that cannot be saved. */
export function storableVideo({ source: _source, url, ...facts }: GeneratedVideo): StoredVideo {
  return { ...jsonPartOf(facts), ...(url !== undefined && { url }) }
}

/** What the upstream reported about its job: with the submission, and with the video, which counts. */
export function reportedUsage({ submission, video }: Pick<RunState, 'submission' | 'video'>): JsonObject | undefined {
  const early = submission?.state === 'accepted' ? submission.usage : undefined
  return early === undefined ? video?.usage : { ...early, ...video?.usage }
}

/** Number of the submission with a job in a state. */
export function jobOf({ submission }: RunState): number | undefined {
  return submission?.state === 'accepted' ? submission.number : undefined
}

/**
 * Whether a failed run certainly paid nothing: each of its submissions was refused at its first send, or never sent, or the last one was
 * proved absent.
 */
export function isRefusedRun({ submission, refusals = 0 }: RunState): boolean {
  if (submission === undefined) return false
  return refusals === submission.number || (submission.state === 'ready' && refusals === submission.number - 1)
}

/** The warnings of both, each text of a stage once. */
export function withWarnings(to: readonly RunWarning[], more: readonly RunWarning[]): readonly RunWarning[] {
  const isKnown = ({ code, message, stage }: RunWarning) =>
    to.some((known) => known.code === code && known.message === message && known.stage === stage)
  const added = more.filter((warning) => !isKnown(warning))
  return added.length === 0 ? to : [...to, ...added]
}
