import type { GenerationHandle } from '../../contracts/generation-handle.js'
import { jsonCopy } from '../../contracts/is-json.js'
import type { JsonObject, JsonValue } from '../../contracts/json.js'
import type { PollReading } from '../../contracts/poll-schedule.js'
import { thinned } from './poll-readings.js'

// The states of a submission to a generator, and every transition:
//
//              placed                  sent again, with the same key
//                │              ┌─────────────────────────────────────┐
//                ▼              ▼                                     │
//   next ──► ready ──sending──► sending ──lost──► unknown ──inquired──┤
//    ▲        ▲ │                 │  │               │  │             │
//    │        │ └─placed (leave)  │  └──unsent──► back to where it was│
//    │        └───────absent──────┼──────────────────┘  │             │
//    │                            │                     │             │
//    │                            ▼                     ▼             │
//    └──refusal, verdict────── accepted ◄────────────found────────────┘
//                               │    ▲
//                               └────┘ answered, missed, claimed
//
// `sending` is saved before the request is sent. A process that loads it does not know the outcome: it is lost.

/** The generator and number of a submission. */
type Placed = {
  /** Place in the chain of generators. */
  readonly cursor: JsonValue
  /** Name of the generator; `null` before a balance has chosen it, and in states of version 0.1.0, which saved only places. */
  readonly generator: string | null
  /** `upstream` of the generator; `null` without one. A job is never polled at another upstream. */
  readonly upstream: string | null
  /** Counts the submissions of a run, from 1. */
  readonly number: number
  /** How often lookups have proved that a send of it was not accepted; absent for never. */
  readonly absences?: number | undefined
}

/** Not in progress. */
export type ReadySubmission = Placed & {
  readonly state: 'ready'
  /**
   * When it was first sent, in epoch milliseconds, if it was sent before under the same key and certainly not accepted; `null`
   * when it was never sent.
   */
  readonly sentAt: number | null
}

/** Saved as about to be sent: the request may have been sent. */
export type SendingSubmission = Placed & {
  /** Whether the generator declared keys when it was first sent; absent in states of version 0.1.0. */
  readonly isKeyed?: boolean | undefined
  readonly state: 'sending'
  /** When it was first sent, in epoch milliseconds. */
  readonly sentAt: number
  /** Whether an earlier send under the same key may have been accepted, so that a refusal of this send proves nothing. */
  readonly isResend: boolean
  /** Number of inquiries about its outcome. */
  readonly inquiries: number
}

/** It was sent, and may have been accepted. */
export type UnknownSubmission = Placed & {
  readonly isKeyed?: boolean | undefined
  readonly state: 'unknown'
  readonly sentAt: number
  /** When an accepted job is certain to be listed, in the time of the run; absent with keys. An earlier lookup can only find it. */
  readonly settlesAt?: number | undefined
  /** Inquiries so far: sends under the same key, or lookups in a row that found nothing. */
  readonly inquiries: number
}

/** The upstream has the job. */
export type AcceptedSubmission = Placed & {
  readonly state: 'accepted'
  readonly sentAt: number
  readonly handle: GenerationHandle
  /** What the upstream reported with the submission. */
  readonly usage?: JsonObject | undefined
  /** Whether the store was down when the job should have been claimed, so that a lookup of another run may take it. */
  readonly isUnclaimed?: true | undefined
  /** Readings of polls, thinned. */
  readonly readings: readonly PollReading[]
  /** Missed polls in a row. */
  readonly misses: number
  /** Polls in a row that failed permanently. */
  readonly lastingMisses: number
}

/** One submission to one generator. */
export type Submission = ReadySubmission | SendingSubmission | UnknownSubmission | AcceptedSubmission

/** The generator of a submission; `null` before it is chosen. */
export type Bound = { readonly name: string; readonly upstream?: string | undefined } | null

/** The generator of a submission at a place of the chain. */
export function boundOf({
  generator,
  isUndecided = false,
}: {
  readonly generator: NonNullable<Bound>
  readonly isUndecided?: boolean | undefined
}): Bound {
  return isUndecided ? null : generator
}

/** The first submission of a run. */
export function firstSubmission(cursor: JsonValue, generator: Bound): ReadySubmission {
  return { cursor, ...boundTo(generator), number: 1, state: 'ready', sentAt: null }
}

/** The submission after a refused one, or after a failed job. */
export function nextSubmission(former: Submission, cursor: JsonValue, generator: Bound): ReadySubmission {
  return { cursor, ...boundTo(generator), number: former.number + 1, state: 'ready', sentAt: null }
}

/** It was admitted, perhaps to another generator. */
export function placed<S extends Submission>(submission: S, cursor: JsonValue, generator: Bound): S {
  return { ...submission, cursor, ...boundTo(generator) }
}

/** It is about to be sent, for the first time or again under the same key. */
export function sending(
  submission: ReadySubmission | UnknownSubmission,
  now: number,
  isKeyed: boolean,
): SendingSubmission {
  const isResend = submission.state === 'unknown'
  const inquiries = submission.state === 'unknown' ? submission.inquiries + 1 : 0
  return { ...placeOf(submission), state: 'sending', sentAt: submission.sentAt ?? now, isKeyed, isResend, inquiries }
}

/** Its outcome is unknown: the response was lost, or did not show it. */
export function lost(submission: SendingSubmission | UnknownSubmission): UnknownSubmission {
  const { sentAt, inquiries, isKeyed } = submission
  return { ...placeOf(submission), state: 'unknown', sentAt, ...(isKeyed !== undefined && { isKeyed }), inquiries }
}

/** A lookup of an unknown submission has no result yet. */
export function inquired(submission: UnknownSubmission, inquiries: number): UnknownSubmission {
  return { ...submission, inquiries }
}

/** It was certainly not accepted: the same submission may be sent. */
export function absent(submission: UnknownSubmission): ReadySubmission {
  const absences = (submission.absences ?? 0) + 1
  return { ...placeOf(submission), absences, state: 'ready', sentAt: submission.sentAt }
}

/** The upstream has the job. */
export function accepted(
  submission: SendingSubmission | UnknownSubmission,
  handle: GenerationHandle,
  reading: PollReading,
  usage?: JsonObject,
): AcceptedSubmission {
  const { sentAt } = submission
  return {
    ...placeOf(submission),
    state: 'accepted',
    sentAt,
    handle,
    ...(usage !== undefined && { usage }),
    readings: [reading],
    misses: 0,
    lastingMisses: 0,
  }
}

/** The job was claimed for this run, or could not be claimed yet. */
export function withClaim(job: AcceptedSubmission, isClaimed: boolean): AcceptedSubmission {
  const { isUnclaimed: _isUnclaimed, ...own } = job
  return isClaimed ? own : { ...own, isUnclaimed: true }
}

/** A poll was answered. */
export function answered(job: AcceptedSubmission, reading: PollReading): AcceptedSubmission {
  return { ...job, readings: thinned([...job.readings, reading]), misses: 0, lastingMisses: 0 }
}

/** A poll was missed; `isLasting` for a permanent failure. */
export function missed(job: AcceptedSubmission, reading: PollReading, isLasting: boolean): AcceptedSubmission {
  const lastingMisses = isLasting ? job.lastingMisses + 1 : 0
  return { ...job, readings: thinned([...job.readings, reading]), misses: job.misses + 1, lastingMisses }
}

/** The readings of an accepted job that another process has saved since. */
export function withReadings(job: AcceptedSubmission, readings: readonly PollReading[]): AcceptedSubmission {
  return { ...job, readings }
}

/** A person checked that nothing was accepted, so a new submission may be sent to the same generator. */
export function settledAsAbsent(submission: Submission): ReadySubmission {
  const { absences: _, ...place } = placeOf(submission)
  return { ...place, number: submission.number + 1, state: 'ready', sentAt: null }
}

/** A person found the job. */
export function settledAsFound(submission: Submission, handle: GenerationHandle): AcceptedSubmission {
  const sentAt = submission.sentAt ?? handle.startedAt
  const first = { ...placeOf(submission), state: 'unknown', sentAt, inquiries: 0 } as const
  return accepted({ ...first, generator: handle.generator, upstream: handle.upstream ?? null }, handle, { atMs: 0 })
}

/** The submission of an adopted job, before its place in the chain is known. */
export function adoptedSubmission(handle: GenerationHandle): AcceptedSubmission {
  const bound = { generator: handle.generator, upstream: handle.upstream ?? null }
  const placed = { cursor: null, ...bound, number: 1 }
  return {
    ...placed,
    state: 'accepted',
    sentAt: handle.startedAt,
    handle,
    readings: [{ atMs: 0 }],
    misses: 0,
    lastingMisses: 0,
  }
}

/** The handle of a submission that has a job. */
export function handleOf(submission: Submission | undefined): GenerationHandle | undefined {
  return submission?.state === 'accepted' ? submission.handle : undefined
}

/** Missed polls in a row of the job in a state. */
export function missesOf({ submission }: { readonly submission?: Submission }): number {
  return submission?.state === 'accepted' ? submission.misses : 0
}

/** The handle of a job at a generator. */
export function newHandle(
  { name, upstream }: NonNullable<Bound>,
  operation: JsonValue,
  startedAt: number,
): GenerationHandle {
  // A copy, because the generator may change its object later.
  return {
    generator: name,
    ...(upstream !== undefined && { upstream }),
    operation: jsonCopy(operation),
    startedAt,
  }
}

function boundTo(bound: Bound): Pick<Placed, 'generator' | 'upstream'> {
  return { generator: bound?.name ?? null, upstream: bound?.upstream ?? null }
}

function placeOf({ cursor, generator, upstream, number, absences }: Submission): Placed {
  return { cursor, generator, upstream, number, ...(absences !== undefined && { absences }) }
}
