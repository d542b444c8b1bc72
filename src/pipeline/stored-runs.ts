import { generatorRoutesOf, withGeneratorRoutes } from '../calling/generator-routes.js'
import { checkOptions, type OptionRules, throwProblems } from '../contracts/check-options.js'
import type { Clock } from '../contracts/clock.js'
import type { TaskGenerator } from '../contracts/generator.js'
import { RunStateError } from '../contracts/run-errors.js'
import type { RunStore } from '../contracts/run-store.js'
import { systemClock } from '../timing/system-clock.js'
import { checkId } from './check-request.js'
import type { Deadlines, EveryDeadline } from './deadlines.js'
import type { PruneOptions } from './journal/retention.js'
import type { ReviewVerdict } from './journal/settle-run.js'
import { LazyEngine, loadEngine } from './load-engine.js'
import { PIPELINE_RULES, type SoraPipelineOptions } from './options.js'
import { coreOf } from './pipeline-core.js'
import type { RunDetails } from './run-details.js'
import { type PipelineQuery, runQueryOf } from './run-options.js'
import type { RunRecord } from './run-record.js'
import type { RunState } from './state/run-state.js'

/** Options of {@link storedRuns}. */
export interface StoredRunsOptions extends Pick<SoraPipelineOptions, 'storeTimeoutMs'> {
  /**
   * `totalMs` is the time that a settled run gets, from now. The other limits have no effect here.
   * @defaultValue the total time that the run had at its start
   */
  readonly deadlines?: Deadlines | undefined
  /** Clock for ages and for the time of changes. @defaultValue the system clock */
  readonly clock?: Clock | undefined
}

/** The runs of a store, without a pipeline. Nothing here submits, polls or uploads. */
export interface StoredRuns {
  /**
   * Like `list` of a `SoraPipeline`.
   * @throws InvalidRequestError when the query is invalid. RunStateError when the store is down, or has no `list`.
   */
  list(query?: Partial<PipelineQuery>): Promise<readonly RunRecord[]>
  /**
   * Like `inspect` of a `SoraPipeline`.
   * @throws RunStateError when the store is down, or the state is of a later version.
   */
  inspect(id: string): Promise<RunDetails | undefined>
  /**
   * Saves the verdict of a person about a run. The run then continues in the next process that resumes it, by `recover`, `due` or
   * a request for it, with deadlines that start again now.
   * @throws InvalidRequestError when the verdict is invalid. RunStateError when the store does not know the run or is down, the run
   * is not in review, the generator of the submission is not known, or another run has claimed the job.
   */
  settle(id: string, verdict: ReviewVerdict): Promise<void>
  /**
   * Like `prune` of a `SoraPipeline`.
   * @throws InvalidRequestError when `endedBefore` is in the future. RunStateError when the store is down, or has no `prune`.
   */
  prune(options: PruneOptions): Promise<number>
  /**
   * Like `erase` of a `SoraPipeline`.
   * @throws RunStateError when the store does not know the run or is down, or the run is running or in review.
   */
  erase(id: string): Promise<void>
  /**
   * Removes a run that has ended from `list` and `inspect`. Its state stays in the store.
   * @throws RunStateError when the store does not know the run or is down, or the run is running.
   */
  remove(id: string): Promise<void>
}

const RULES: OptionRules<StoredRunsOptions> = {
  clock: PIPELINE_RULES.clock,
  deadlines: PIPELINE_RULES.deadlines,
  storeTimeoutMs: PIPELINE_RULES.storeTimeoutMs,
}

/**
 * Reads and settles the runs of a store, for tools of operators that have no generators and no credentials.
 *
 * @throws ConfigurationError when `store` is not a run store, or an option is invalid.
 *
 * @example
 * ```ts
 * import { type RunStore, storedRuns } from 'sora-pipeline'
 *
 * export async function runsInReview(store: RunStore) {
 *   const records = await storedRuns(store).list({ limit: 1000 })
 *   return records.filter(({ status }) => status === 'needs-review')
 * }
 * ```
 */
export function storedRuns(store: RunStore, options: StoredRunsOptions = {}): StoredRuns {
  throwProblems('storedRuns', PIPELINE_RULES.store.problems('store', store))
  checkOptions('storedRuns', options, RULES)
  const engine = new LazyEngine(coreOf({ clock: systemClock, ...options, store, generator: absentGenerator('none') }))

  // The total time of the run is that of the pipeline that started it.
  const deadlinesFor = (state: RunState | undefined, own: EveryDeadline) => {
    if (options.deadlines?.totalMs !== undefined || state === undefined) return own
    const { startedAt, deadlineAt = Number.POSITIVE_INFINITY } = state
    return { ...own, totalMs: deadlineAt - startedAt }
  }

  return {
    list: async (query = {}) => (await engine.load()).list(runQueryOf(query)),
    inspect: async (id) => (await engine.load()).inspect(id),
    async settle(id, verdict) {
      checkId(id)
      const { loadRun, settleRun } = await loadEngine()
      const { config } = await engine.load()
      const loaded = await loadRun(config.store, id)
      const submission = loaded?.state.submission
      const { generator: chosen } = Object(verdict) as { readonly generator?: string }
      const name = chosen ?? submission?.generator ?? undefined
      if (submission !== undefined && name === undefined && verdict !== 'not-submitted') {
        throw new RunStateError(
          `Could not settle the run, the store does not know its generator: ${id}; give { operation, generator }`,
        )
      }
      const isSame = name === submission?.generator
      const bound = absentGenerator(name ?? 'none', isSame ? (submission?.upstream ?? undefined) : undefined)
      // The place in the chain stays: a process with the chain finds the generator by its name.
      const cursor = submission?.cursor ?? null
      const generator = withGeneratorRoutes(bound, { ...generatorRoutesOf(bound), locate: () => cursor })
      await settleRun({ ...config, generator, deadlines: deadlinesFor(loaded?.state, config.deadlines) }, id, verdict)
    },
    prune: async (query) => (await engine.load()).prune(query),
    erase: async (id) => (await engine.load()).erase(id),
    remove: async (id) => {
      checkId(id)
      await (await engine.load()).remove(id)
    },
  }
}

/** Stands for a generator of another process: it is never called. */
function absentGenerator(name: string, upstream?: string): TaskGenerator {
  const absent = async () => {
    throw new RunStateError(`Could not call the generator, it is in another process: ${name}`)
  }
  return { name, ...(upstream !== undefined && { upstream }), start: absent, poll: absent }
}
