import type { SoraPipelineErrorJson } from '../contracts/errors.js'
import type { GeneratedVideoFacts } from '../contracts/generator.js'
import type { VideoRequest } from '../contracts/request.js'
import type { PipelineResultJson } from '../contracts/result.js'
import { RunStateError } from '../contracts/run-errors.js'
import type { RunQuery } from '../contracts/run-store.js'
import type { StageName } from '../contracts/stage.js'
import { answerOf, loadRun } from './journal/store-calls.js'
import type { PipelineConfig } from './options.js'
import { bestCandidate } from './state/candidates.js'
import type { RunProgress, RunState } from './state/run-state.js'
import { resultJsonOf } from './video/run-result.js'

/**
 * What is known of a run, as JSON: read from the store, without working on it, such as `{ id: 'run_1', status: 'running',
 * request: { prompt: 'A cat' }, startedAt: 1767225600000, wakeAt: 1767225603000, isAttended: true, progress: { stage: 'generate',
 * ratio: 0.4 } }`.
 */
export interface RunRecord {
  readonly id: string
  readonly owner?: string
  /** `needs-review`: nobody can tell whether a job was paid; `pipeline.settle` is for the person who looked. */
  readonly status: 'running' | 'completed' | 'failed' | 'needs-review'
  /** With media that was given as bytes in the form of data URLs. */
  readonly request: VideoRequest
  /** Epoch milliseconds. */
  readonly startedAt: number
  /** Epoch milliseconds; once it has ended. */
  readonly endedAt?: number
  /** When the run next does something, in epoch milliseconds. */
  readonly wakeAt: number
  /** Whether some process works on it; if none does, `pipeline.resume(id)` takes it up. */
  readonly isAttended: boolean
  /** What is being worked at, while it runs. */
  readonly stage?: StageName
  /** How far the present stage is, while it runs and when the upstream tells. */
  readonly progress?: RunProgress
  /** The generated video, once it exists. */
  readonly video?: GeneratedVideoFacts
  /** Of a completed run. */
  readonly result?: PipelineResultJson
  /** When the URL of the result may stop working, in epoch milliseconds. */
  readonly urlExpiresAt?: number
  /** Of a run that ended without a URL. */
  readonly error?: SoraPipelineErrorJson
}

/** What is known of a run; `undefined` when the store does not know it, or it was removed. */
export async function readRecord(config: PipelineConfig, id: string): Promise<RunRecord | undefined> {
  const { state } = (await loadRun(config.store, id)) ?? {}
  return state === undefined || state.removedAt !== undefined ? undefined : recordOf(config, state)
}

/**
 * The runs that a query asks for.
 * @throws RunStateError when the store cannot list, or does not answer.
 */
export async function listRecords(config: PipelineConfig, query: RunQuery): Promise<readonly RunRecord[]> {
  const list = config.store.list?.bind(config.store)
  if (list === undefined) throw new RunStateError('Could not list the runs, this store has no list')
  const ids = await answerOf(() => list(query), 'Could not list the runs, the store is down')
  const records = await Promise.all(ids.map((id) => readRecord(config, id)))
  return records.filter((record) => record !== undefined)
}

function recordOf(config: PipelineConfig, state: RunState): RunRecord {
  const { id, owner, status, request, startedAt, endedAt, wakeAt, lease, progress, video, error } = state
  const now = config.clock.now()
  const { url: _, ...facts } = video ?? {}
  const result = status === 'completed' ? resultJsonOf(state, endedAt ?? now) : undefined
  const expiresAt = result && bestCandidate(state, endedAt ?? now)?.expiresAt
  return {
    id,
    ...(owner !== undefined && { owner }),
    status,
    request,
    startedAt,
    ...(endedAt !== undefined && { endedAt }),
    wakeAt,
    isAttended: status === 'running' && lease !== undefined && lease.until > now,
    ...(status === 'running' && { stage: stageAt(state) }),
    ...(status === 'running' && progress?.stage === state.step && { progress }),
    ...(video && { video: facts as GeneratedVideoFacts }),
    ...(result && { result }),
    ...(expiresAt !== undefined && { urlExpiresAt: expiresAt }),
    ...(error && { error }),
  }
}

function stageAt({ step }: RunState): StageName {
  return step === 'unpublish' || step === 'finish' ? 'upload' : step
}
