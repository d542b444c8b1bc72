import * as z from 'zod/mini'
import type { PollReading } from '../../contracts/poll-schedule.js'
import { RunStateError } from '../../contracts/run-errors.js'
import type { LoadedRun, StoredRun } from '../../contracts/run-store.js'
import type { RunState } from './run-state.js'
import { withReadings } from './submission.js'
import { upgradedFromV1 } from './upgrade-v1.js'

const VERSION = 2

const named = z.looseObject({ id: z.string() })
const generated = z.looseObject({ id: z.string(), url: z.optional(z.string()) })
const addressed = z.looseObject({ url: z.string() })
const handle = z.looseObject({ generator: z.string(), operation: z.json(), startedAt: z.number() })
const upstream = z.looseObject({
  state: z.enum(['cancelled', 'running', 'finished', 'failed', 'unknown']),
  generator: z.string(),
  handle: z.optional(handle),
})
const attempt = z.looseObject({
  stage: z.string(),
  strategy: z.string(),
  outcome: z.string(),
  errorCode: z.optional(z.string()),
  errorMessage: z.optional(z.string()),
  durationMs: z.number(),
})
const reading = z.looseObject({ atMs: z.number(), ratio: z.optional(z.number()) })
const warning = z.looseObject({ code: z.string(), message: z.string(), stage: z.optional(z.string()) })

const recordedError = z.looseObject({
  name: z.string(),
  code: z.string(),
  message: z.string(),
  isRetryable: z.optional(z.boolean()),
  handle: z.optional(handle),
  get cause() {
    return z.optional(recordedError)
  },
  get errors() {
    return z.optional(z.array(recordedError))
  },
})

const placed = {
  cursor: z.json(),
  generator: z.nullable(z.string()),
  upstream: z.nullable(z.string()),
  number: z.number(),
  absences: z.optional(z.number()),
}

const submission = z.discriminatedUnion('state', [
  z.looseObject({ ...placed, state: z.literal('ready'), sentAt: z.nullable(z.number()) }),
  z.looseObject({
    ...placed,
    state: z.literal('sending'),
    sentAt: z.number(),
    isResend: z.boolean(),
    inquiries: z.number(),
  }),
  z.looseObject({
    ...placed,
    state: z.literal('unknown'),
    sentAt: z.number(),
    settlesAt: z.optional(z.number()),
    inquiries: z.number(),
  }),
  z.looseObject({
    ...placed,
    state: z.literal('accepted'),
    sentAt: z.number(),
    handle,
    isUnclaimed: z.optional(z.literal(true)),
    readings: z.array(reading),
    misses: z.number(),
    lastingMisses: z.number(),
  }),
])

const keptMedia = z.looseObject({ sha256: z.string(), mediaType: z.string(), byteLength: z.number() })
const media = z.union([z.string(), keptMedia])
const request = z.looseObject({
  prompt: z.string(),
  model: z.optional(z.string()),
  durationSeconds: z.optional(z.number()),
  size: z.optional(z.string()),
  image: z.optional(media),
  lastFrame: z.optional(media),
  references: z.optional(z.array(media)),
  audioInput: z.optional(media),
  video: z.optional(media),
  metadata: z.optional(z.record(z.string(), z.string())),
})

// Checks the fields that the pipeline and its readers use; fields of a later version are kept unchanged.
const schema = z.looseObject({
  v: z.literal(VERSION),
  id: z.string(),
  status: z.enum(['running', 'completed', 'failed', 'needs-review']),
  worker: z.optional(z.string()),
  formerLease: z.optional(z.looseObject({ owner: z.string(), until: z.number() })),
  epoch: z.number(),
  wakeAt: z.number(),
  startedAt: z.number(),
  deadlineAt: z.optional(z.number()),
  time: z.optional(z.looseObject({ wall: z.number(), run: z.number() })),
  owner: z.optional(z.string()),
  isCallerId: z.optional(z.boolean()),
  removedAt: z.optional(z.number()),
  endedAt: z.optional(z.number()),
  erasedAt: z.optional(z.number()),
  isRetained: z.optional(z.boolean()),
  traceparent: z.optional(z.string()),
  request,
  fetchedMedia: z.optional(z.record(z.string(), keptMedia)),
  fingerprint: z.string(),
  step: z.enum(['generate', 'publish', 'resolve', 'upload', 'unpublish', 'finish']),
  stage: z.optional(z.enum(['publish', 'resolve', 'upload'])),
  stepStartedAt: z.optional(z.number()),
  submission: z.optional(submission),
  video: z.optional(generated),
  publication: z.optional(named),
  resolved: z.optional(addressed),
  uploaded: z.optional(addressed),
  candidates: z.optional(
    z.array(z.looseObject({ url: z.string(), servedBy: z.enum(['uploader', 'resolver', 'generator']) })),
  ),
  attempts: z.array(attempt),
  warnings: z.array(warning),
  isDegraded: z.boolean(),
  error: z.optional(recordedError),
  isAdopted: z.optional(z.boolean()),
  adoptedFrom: z.optional(z.string()),
  adoptedBy: z.optional(z.looseObject({ id: z.string(), at: z.number() })),
  isAborted: z.optional(z.boolean()),
  refusals: z.optional(z.number()),
  paid: z.optional(z.array(z.string())),
  isRefused: z.optional(z.boolean()),
  upstream: z.optional(upstream),
  cancelRequest: z.optional(z.looseObject({ at: z.number(), message: z.string() })),
})

const readings = z.array(reading)

/**
 * Reads a state from a store; a state of version 0.1.0 is upgraded.
 * @throws RunStateError, not retryable, when it is of a later version, or is not the state of a run.
 */
export function readRunState(id: string, loaded: Pick<LoadedRun, 'state' | 'readings'>): RunState {
  const v: unknown = Object(loaded.state).v
  if (typeof v === 'number' && v > VERSION) {
    throw new RunStateError(`Could not read the run, its state is of a later version of the library: ${id} (v${v})`)
  }
  const parsed = schema.safeParse(v === 1 ? upgradedFromV1(loaded.state) : loaded.state)
  if (!parsed.success) {
    const { path = [], message = '' } = parsed.error.issues[0] ?? {}
    throw new RunStateError(`Could not read the run, its state is broken at ${path.join('.')} (${message}): ${id}`)
  }
  return withSavedReadings(parsed.data as unknown as RunState, loaded.readings)
}

// Broken readings only cost the schedule its history.
function withSavedReadings(state: RunState, saved: LoadedRun['readings']): RunState {
  const { submission: job } = state
  const read = readings.safeParse(saved)
  if (job?.state !== 'accepted' || !read.success) return state
  return { ...state, submission: withReadings(job, read.data as readonly PollReading[]) }
}

/** The state in the form of a store. */
export function toStoredRun(state: RunState): StoredRun {
  return state as unknown as StoredRun
}
