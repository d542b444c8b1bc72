import { type SoraPipelineErrorJson, toErrorJson } from '../contracts/errors.js'
import type { UpstreamState } from '../contracts/events.js'
import type { GeneratedVideoFacts } from '../contracts/generator.js'
import type { PipelineResultJson } from '../contracts/result.js'
import { RunStateError } from '../contracts/run-errors.js'
import type { RunQuery } from '../contracts/run-store.js'
import type { StageName } from '../contracts/stage.js'
import { usageOf, type VideoUsage } from '../contracts/usage.js'
import { checkIsText } from './check-request.js'
import { stageOfStep } from './configured-stages.js'
import { answerOf, isAnswer, loadRun, type StoredState } from './journal/store-calls.js'
import type { PipelineConfig } from './pipeline-config.js'
import { bestCandidate } from './state/candidates.js'
import { type RunProgress, type RunState, reportedUsage } from './state/run-state.js'
import type { StoredRequest } from './state/stored-request.js'
import { resultJsonOf } from './video/run-result.js'

/**
 * A run as JSON, read from the store without working on it, such as `{ id: 'run_1', status: 'running', request: { prompt: 'A cat'
 * }, startedAt: 1767225600000, wakeAt: 1767225603000, isAttended: true, progress: { stage: 'generate', ratio: 0.4 } }`.
 */
export interface RunRecord {
  /** Id of the run. */
  readonly id: string
  /** Owner of the run, if it has one. */
  readonly owner?: string
  /** The run that this one retries. */
  readonly retryOf?: string
  /** The ended run whose job this one has adopted. */
  readonly adoptedFrom?: string
  /** The run that has adopted the job of this one. */
  readonly adoptedBy?: string
  /**
   * `needs-review`: a job may have been paid; a person checks the upstream and calls `pipeline.settle`. `unreadable`, in lists
   * only: the state is broken or of a later version; `error` has the reason, and the other fields are not known.
   */
  readonly status: 'running' | 'completed' | 'failed' | 'needs-review' | 'unreadable'
  /**
   * Media that the store keeps beside the run is named by its hash. The prompt is empty for a run that was erased, or of which
   * the store only kept the id and outcome.
   */
  readonly request: StoredRequest
  /** When the run started, in epoch milliseconds. */
  readonly startedAt: number
  /** When the run ended, in epoch milliseconds; absent before. */
  readonly endedAt?: number
  /** When its prompt and media were erased, in epoch milliseconds; absent if they were not. */
  readonly erasedAt?: number
  /** `true` for a run of which the store only kept the id and the outcome. */
  readonly isRetained?: boolean
  /** When the run next does something, in epoch milliseconds. */
  readonly wakeAt: number
  /** Whether a live process works on the run; if not, `pipeline.resume(id)` takes it over. */
  readonly isAttended: boolean
  /** Current stage, while the run is running. */
  readonly stage?: StageName
  /** Progress of the current stage, while the run is running and if the upstream reports it. */
  readonly progress?: RunProgress
  /** The generated video, once it exists. */
  readonly video?: GeneratedVideoFacts
  /** What the job cost and used, once its upstream reported it, also for a run that failed. */
  readonly usage?: VideoUsage
  /** The result, once the run is completed. */
  readonly result?: PipelineResultJson
  /** When the URL of the result may stop working, in epoch milliseconds. */
  readonly urlExpiresAt?: number
  /** Error of a run that ended without a URL. */
  readonly error?: SoraPipelineErrorJson
  /** What a run that ended without a URL left at its generator; absent when it left nothing. */
  readonly upstream?: UpstreamState
  /** `true` for a failed run that certainly paid nothing: every submission was refused, was proved absent, or was not sent. */
  readonly isRefused?: boolean
  /** Hash of the request of a refused run: the same for the same request in every process. */
  readonly fingerprint?: string
}

/** The record of a run; `undefined` when the store does not know it, or it was removed. */
export async function readRecord(config: PipelineConfig, id: string): Promise<RunRecord | undefined> {
  checkIsText(id)
  const loaded = await loadRun(config.store, id)
  return loaded === undefined || loaded.state.removedAt !== undefined ? undefined : recordOf(config, loaded)
}

/**
 * The runs of a query. After a run of another owner the list is empty, as after an unknown id: for a store `after` is a position
 * among all runs, which would reveal which ids exist. A run that cannot be read is listed as `unreadable`.
 * @throws RunStateError when the store cannot list, or does not respond.
 */
export async function listRecords(config: PipelineConfig, query: RunQuery): Promise<readonly RunRecord[]> {
  const list = config.store.list?.bind(config.store)
  if (list === undefined) throw new RunStateError('Could not list the runs, this store has no list()')
  const isPlace = await isPlaceOf(config, query)
  const ids = isPlace ? await answerOf(() => list(query), 'Could not list the runs, the store is down') : []
  const records = await Promise.all(ids.map((id) => readListed(config, id)))
  return records.filter((record) => record !== undefined)
}

// A removed run is still a position in the list of its owner, who may be between two pages.
async function isPlaceOf({ store }: PipelineConfig, { owner, after }: RunQuery): Promise<boolean> {
  if (owner === undefined || after === undefined) return true
  try {
    return (await loadRun(store, after))?.state.owner === owner
  } catch (error) {
    if (!isAnswer(error)) throw error
    return true // Only the store knows the owner of a run that cannot be read.
  }
}

async function readListed(config: PipelineConfig, id: string): Promise<RunRecord | undefined> {
  try {
    return await readRecord(config, id)
  } catch (error) {
    if (!isAnswer(error)) throw error
    const unknown = { request: { prompt: '' }, startedAt: 0, wakeAt: 0, isAttended: false }
    return { id, status: 'unreadable', ...unknown, error: toErrorJson(error) }
  }
}

/** The record of a loaded run. */
export function recordOf(config: PipelineConfig, { state, beat, progress: reported }: StoredState): RunRecord {
  const {
    id,
    owner,
    retryOf,
    adoptedFrom,
    adoptedBy,
    status,
    request,
    startedAt,
    endedAt,
    erasedAt,
    isRetained,
    wakeAt,
    formerLease,
    worker,
    video,
    error,
    upstream,
  } = state
  const now = config.clock.now()
  const isRunning = status === 'running'
  const { url: _, ...facts } = video ?? {}
  const result = status === 'completed' ? resultJsonOf(state, endedAt ?? now) : undefined
  const expiresAt = result && bestCandidate(state, endedAt ?? now)?.expiresAt
  const isAttended = (worker !== undefined && beat?.isExpired === false) || (formerLease?.until ?? 0) > now
  const stage = stageAt(state, config)
  const usage = usageOf(reportedUsage(state))
  const progress = (reported as RunProgress | undefined) ?? readProgress(state)
  return {
    id,
    ...(owner !== undefined && { owner }),
    ...(retryOf !== undefined && { retryOf }),
    ...(adoptedFrom !== undefined && { adoptedFrom }),
    ...(adoptedBy !== undefined && { adoptedBy: adoptedBy.id }),
    status,
    request,
    startedAt,
    ...(endedAt !== undefined && { endedAt }),
    ...(erasedAt !== undefined && { erasedAt }),
    ...(isRetained === true && { isRetained }),
    // A run that was woken is due since the beginning of time.
    wakeAt: Math.max(wakeAt, startedAt),
    isAttended: isRunning && isAttended,
    ...(isRunning && { stage }),
    ...(isRunning && progress?.stage === stage && { progress }),
    ...(video && { video: facts as GeneratedVideoFacts }),
    ...(usage && { usage }),
    ...(result && { result }),
    ...(expiresAt !== undefined && { urlExpiresAt: expiresAt }),
    ...(error && { error }),
    ...(upstream && !isRunning && { upstream }),
    ...(state.isRefused === true && { isRefused: true, fingerprint: state.fingerprint }),
  }
}

// Without a worker, the last status of the job is the progress.
function readProgress({ submission }: RunState): RunProgress | undefined {
  if (submission?.state !== 'accepted') return undefined
  const ratio = submission.readings.findLast((reading) => reading.ratio !== undefined)?.ratio
  return ratio === undefined ? undefined : { stage: 'generate', ratio }
}

// Only the process that saved the step knows which stages are configured; states of version 0.1.0 do not have them.
function stageAt({ step, stage }: RunState, config: PipelineConfig): StageName {
  return step === 'generate' ? step : (stage ?? stageOfStep(step, config))
}
