import { type SoraPipelineErrorJson, toErrorJson } from '../contracts/errors.js'
import type { GeneratedVideoFacts } from '../contracts/generator.js'
import type { PipelineResultJson } from '../contracts/result.js'
import { RunStateError } from '../contracts/run-errors.js'
import type { RunQuery } from '../contracts/run-store.js'
import type { StageName } from '../contracts/stage.js'
import { checkIsText } from './check-request.js'
import { answerOf, isAnswer, loadRun, type StoredState } from './journal/store-calls.js'
import type { PipelineConfig } from './pipeline-config.js'
import { bestCandidate } from './state/candidates.js'
import type { RunProgress, RunState } from './state/run-state.js'
import type { StoredRequest } from './state/stored-request.js'
import { resultJsonOf } from './video/run-result.js'

/**
 * What is known of a run, as JSON: read from the store, without working on it, such as `{ id: 'run_1', status: 'running',
 * request: { prompt: 'A cat' }, startedAt: 1767225600000, wakeAt: 1767225603000, isAttended: true, progress: { stage: 'generate',
 * ratio: 0.4 } }`.
 */
export interface RunRecord {
  /** Id of the run. */
  readonly id: string
  /** Owner of the run, where one was given. */
  readonly owner?: string
  /** The run that this one retries. */
  readonly retryOf?: string
  /**
   * `needs-review`: whether a job was paid is not known; `pipeline.settle` is for the person who looked. `unreadable`, in lists only:
   * the state is broken or of a later version, and `error` says how; nothing else is known of the run.
   */
  readonly status: 'running' | 'completed' | 'failed' | 'needs-review' | 'unreadable'
  /**
   * Media that the store keeps beside the run is named by its hash. Of a run that was erased, or that the store has forgotten but for
   * its id, the prompt is empty.
   */
  readonly request: StoredRequest
  /** When the run started, in epoch milliseconds. */
  readonly startedAt: number
  /** When the run ended, in epoch milliseconds; absent before. */
  readonly endedAt?: number
  /** When the run next does something, in epoch milliseconds. */
  readonly wakeAt: number
  /** Whether a live process works on it; if none does, `pipeline.resume(id)` takes it over. */
  readonly isAttended: boolean
  /** What is being worked at, while it runs. */
  readonly stage?: StageName
  /** How far the present stage is, while it runs and when the upstream reports it. */
  readonly progress?: RunProgress
  /** The generated video, once it exists. */
  readonly video?: GeneratedVideoFacts
  /** What the run came to, once it is completed. */
  readonly result?: PipelineResultJson
  /** When the URL of the result may stop working, in epoch milliseconds. */
  readonly urlExpiresAt?: number
  /** Of a run that ended without a URL. */
  readonly error?: SoraPipelineErrorJson
  /** `true` for a failed run that surely paid nothing: every submission was refused, or none was sent. */
  readonly isRefused?: boolean
  /** Of a refused run, the hash of its request: the same for the same request, in every process. */
  readonly fingerprint?: string
}

/** What is known of a run; `undefined` when the store does not know it, or it was removed. */
export async function readRecord(config: PipelineConfig, id: string): Promise<RunRecord | undefined> {
  checkIsText(id)
  const loaded = await loadRun(config.store, id)
  return loaded === undefined || loaded.state.removedAt !== undefined ? undefined : recordOf(config, loaded)
}

/**
 * The runs that a query asks for. After a run of another owner there are none, as after an id that is not known: to a store `after`
 * is a place in the order of all runs, and would reveal which ids exist. One that cannot be read is `unreadable`, and does not keep the others from the list.
 * @throws RunStateError when the store cannot list, or does not answer.
 */
export async function listRecords(config: PipelineConfig, query: RunQuery): Promise<readonly RunRecord[]> {
  const { list } = config.store
  if (list === undefined) throw new RunStateError('Could not list the runs, this store has no list()')
  const isPlace = await isPlaceOf(config, query)
  const ids = isPlace ? await answerOf(() => list(query), 'Could not list the runs, the store is down') : []
  const records = await Promise.all(ids.map((id) => readListed(config, id)))
  return records.filter((record) => record !== undefined)
}

// A run that was removed is still a place in the list of its owner, who may be in the middle of the pages.
async function isPlaceOf({ store }: PipelineConfig, { owner, after }: RunQuery): Promise<boolean> {
  if (owner === undefined || after === undefined) return true
  try {
    return (await loadRun(store, after))?.state.owner === owner
  } catch (error) {
    if (!isAnswer(error)) throw error
    return true // Of a run that cannot be read the store alone knows whose it is.
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

function recordOf(config: PipelineConfig, { state, beat, progress: reported }: StoredState): RunRecord {
  const { id, owner, retryOf, status, request, startedAt, endedAt, wakeAt, formerLease, worker, video, error } = state
  const now = config.clock.now()
  const isRunning = status === 'running'
  const { url: _, ...facts } = video ?? {}
  const result = status === 'completed' ? resultJsonOf(state, endedAt ?? now) : undefined
  const expiresAt = result && bestCandidate(state, endedAt ?? now)?.expiresAt
  const isAttended = (worker !== undefined && beat?.isExpired === false) || (formerLease?.until ?? 0) > now
  const stage = stageAt(state, config)
  const progress = (reported as RunProgress | undefined) ?? readProgress(state)
  return {
    id,
    ...(owner !== undefined && { owner }),
    ...(retryOf !== undefined && { retryOf }),
    status,
    request,
    startedAt,
    ...(endedAt !== undefined && { endedAt }),
    wakeAt,
    isAttended: isRunning && isAttended,
    ...(isRunning && { stage }),
    ...(isRunning && progress?.stage === stage && { progress }),
    ...(video && { video: facts as GeneratedVideoFacts }),
    ...(result && { result }),
    ...(expiresAt !== undefined && { urlExpiresAt: expiresAt }),
    ...(error && { error }),
    ...(state.isRefused === true && { isRefused: true, fingerprint: state.fingerprint }),
  }
}

// Of a run that no worker stays with, the last answer of its job is what is known.
function readProgress({ submission }: RunState): RunProgress | undefined {
  if (submission?.state !== 'accepted') return undefined
  const ratio = submission.readings.findLast((reading) => reading.ratio !== undefined)?.ratio
  return ratio === undefined ? undefined : { stage: 'generate', ratio }
}

// A stage that is not configured is passed without a save.
function stageAt({ step }: RunState, { publisher, resolver }: PipelineConfig): StageName {
  if (step === 'publish' && publisher === undefined) return resolver === undefined ? 'upload' : 'resolve'
  if (step === 'resolve' && resolver === undefined) return 'upload'
  return step === 'unpublish' || step === 'finish' ? 'upload' : step
}
