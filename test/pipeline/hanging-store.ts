import { createHash } from 'node:crypto'
import { memoryStore, type RunStore, SoraPipeline, type SoraPipelineOptions } from '../../src/index.js'
import { identityOf } from '../../src/pipeline/state/request-fingerprint.js'
import { newRunState } from '../../src/pipeline/state/run-state.js'
import { toStoredRun } from '../../src/pipeline/state/stored-run.js'
import { firstSubmission } from '../../src/pipeline/state/submission.js'
import { fakeTaskGenerator, fakeUploader, manualClock } from '../../src/testing/index.js'

export const request = { prompt: 'A cat', image: { bytes: Buffer.from('pixels'), mediaType: 'image/png' } }
export const IMAGE_SHA256 = createHash('sha256').update('pixels').digest('hex')
export const TOTAL_MS = 120_000
export const STORE_MS = 10_000

export type Method = keyof RunStore & string

/** A call that a {@link hangingStore} keeps. */
export interface HungCall {
  readonly method: Method
  readonly given: readonly unknown[]
  /** Gives the caller an error, late. */
  reject(error: Error): void
  /** Lets the call reach the store, and its answer the caller, late. */
  land(): Promise<unknown>
}

/** A store whose calls never answer while `isHung` says so, unless they are let through later. */
export function hangingStore(inner: RunStore, isHung: (method: Method, given: readonly unknown[]) => boolean) {
  const hung: HungCall[] = []
  const wrapped = Object.entries(inner).map(([name, operation]) => {
    const method = name as Method
    const call = operation as (...given: unknown[]) => Promise<unknown>
    const wrapper = (...given: unknown[]) => {
      if (!isHung(method, given)) return call(...given)
      return new Promise((resolve, reject) => {
        const land = () => {
          const landed = call(...given)
          landed.then(resolve, reject)
          return landed
        }
        hung.push({ method, given, land, reject })
      })
    }
    return [method, wrapper]
  })
  return { store: Object.fromEntries(wrapped) as RunStore, hung }
}

/** Where a run is, by what is given to the store: from its beginning to its last save. */
export type Phase = 'opening' | 'submitting' | 'polling' | 'later' | 'ending'

export const PHASES: readonly Phase[] = ['opening', 'submitting', 'polling', 'later', 'ending']

/** Follows a run by what it saves: `hasReached` is true from the call on with which a phase begins. */
function phaseWatch(phase: Phase) {
  let reached = 0
  const see = (method: Method, given: readonly unknown[]) => {
    if (method !== 'save') return
    const state = given[2] as { status?: string; step?: string; submission?: { state?: string } }
    const at = {
      submitting: state.submission?.state === 'sending',
      polling: state.submission?.state === 'accepted',
      later: state.step !== 'generate',
      ending: state.status !== 'running',
    }
    for (const [name, isAt] of Object.entries(at)) {
      if (isAt) reached = Math.max(reached, PHASES.indexOf(name as Phase))
    }
  }
  return { see, hasReached: () => reached >= PHASES.indexOf(phase) }
}

/** A run of a task with an image and an uploader, on a store that hangs in some methods from a phase on. */
export function hungWorld(
  hangs: (method: Method) => boolean,
  phase: Phase,
  more: Partial<SoraPipelineOptions> & {
    readonly forMs?: number
    readonly polls?: number
    readonly cancelHangs?: boolean
  } = {},
) {
  const { forMs = Number.POSITIVE_INFINITY, polls = 8, cancelHangs = false, ...options } = more
  const clock = manualClock()
  const began = clock.now()
  const memory = memoryStore({ clock })
  const watch = phaseWatch(phase)
  let since: number | undefined
  const { store, hung } = hangingStore(memory, (method, given) => {
    watch.see(method, given)
    if (watch.hasReached()) since ??= clock.now()
    return since !== undefined && clock.now() < since + forMs && hangs(method)
  })
  const generator = fakeTaskGenerator({ polls, ...(cancelHangs && { hangs: 'cancel' }) })
  const uploader = fakeUploader({ delayMs: 3000 })
  const shared = { generator, uploader, clock, pollSchedule: () => 2000, deadlines: { totalMs: TOTAL_MS }, ...options }
  const pipeline = new SoraPipeline({ ...shared, store })
  /** Another process, whose store works. */
  const anotherWith = (working: RunStore) => new SoraPipeline({ ...shared, store: working })
  const another = () => anotherWith(memory)
  return { anotherWith, clock, began, memory, store, hung, generator, uploader, pipeline, another }
}

/** The state of a run without media that nothing was done for yet. */
export function freshRun(now: number) {
  const submission = firstSubmission(null, { name: 'fake-task-generator' })
  const identity = identityOf({ prompt: 'A cat' }, undefined)
  const base = { id: 'run_1', request: { prompt: 'A cat' }, identity, now, totalMs: 3_600_000, isCallerId: true }
  return toStoredRun(newRunState({ ...base, submission }))
}
