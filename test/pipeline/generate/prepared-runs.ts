import { type Generator, memoryStore, type RunStore, type TaskGenerator } from '../../../src/index.js'
import { EventLog } from '../../../src/pipeline/event-log.js'
import { configOf } from '../../../src/pipeline/pipeline-config.js'
import { RunSession } from '../../../src/pipeline/run-session.js'
import { RunWaits } from '../../../src/pipeline/run-waits.js'
import { identityOf } from '../../../src/pipeline/state/request-fingerprint.js'
import { newRunState, type RunState } from '../../../src/pipeline/state/run-state.js'
import { toStoredRun } from '../../../src/pipeline/state/stored-run.js'
import type {
  AcceptedSubmission,
  ReadySubmission,
  SendingSubmission,
  UnknownSubmission,
} from '../../../src/pipeline/state/submission.js'
import { type ManualClock, manualClock } from '../../../src/testing/index.js'

/** The first instant of a manual clock. */
export const NOW = manualClock().now()
export const REQUEST = { prompt: 'A cat playing piano' }
/** Another request with the same prompt. */
export const LONGER = { ...REQUEST, durationSeconds: 8 }
export const OTHER = { prompt: 'A dog' }

const placed = { cursor: null, generator: 'first', upstream: null, number: 1 }

// A submission in each state, sent at the first instant of the clock.
export const READY: ReadySubmission = { ...placed, state: 'ready', sentAt: null }
export const SENDING: SendingSubmission = { ...placed, state: 'sending', sentAt: NOW, isResend: false, inquiries: 0 }
export const UNKNOWN: UnknownSubmission = { ...placed, state: 'unknown', sentAt: NOW, inquiries: 0 }

/** A job that the upstream has. */
export function acceptedJob(id: string): AcceptedSubmission {
  const handle = { generator: 'first', operation: { id }, startedAt: NOW }
  const polled = { readings: [{ atMs: 0 }], misses: 0, lastingMisses: 0 }
  return { ...placed, state: 'accepted', sentAt: NOW, handle, ...polled }
}

/** The state of a run that no worker holds. */
export function stateOf(id: string, { request = REQUEST, ...changes }: Partial<RunState> = {}): RunState {
  const identity = identityOf(request as typeof REQUEST, undefined)
  const run = { id, request, identity, now: NOW, totalMs: Number.POSITIVE_INFINITY, isCallerId: false }
  return { ...newRunState({ ...run, submission: READY }), ...changes }
}

/** A store with prepared runs. */
export async function storeOf(states: readonly RunState[], clock: ManualClock): Promise<RunStore> {
  const store = memoryStore({ clock, maxEnded: 10_000 })
  for (const state of states) await store.create(state.id, toStoredRun(state))
  return store
}

/** A process at work on `run_1`, whose only submission has an unknown outcome. */
export function sessionOf(
  {
    generator,
    store,
    clock,
    isResident = true,
  }: {
    readonly generator: Generator
    readonly store: RunStore
    readonly clock: ManualClock
    /** Whether the process stays with the run, as those of `advance` do not. */
    readonly isResident?: boolean
  },
  state: RunState = stateOf('run_1', { submission: UNKNOWN }),
): RunSession {
  const config = configOf({ generator, store, clock })
  const log = new EventLog(() => ({ runId: state.id, at: clock.now() }))
  const opening = { version: 1, isNew: false, isResident, waits: new RunWaits() }
  return new RunSession({ config, log, state, callerSignal: new AbortController().signal, ...opening })
}

/** A generator that finds its jobs by the prompt, five seconds after the submission. */
export const BY_FIND = {
  idempotency: 'none',
  lookup: 'fingerprint',
  settleMs: 5000,
} as const satisfies TaskGenerator['submission']
