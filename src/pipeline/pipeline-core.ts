import { checkOptions, type OptionProblem, optionProblem } from '../contracts/check-options.js'
import type { Clock } from '../contracts/clock.js'
import { heldClock } from '../timing/system-clock.js'
import { generatorProblems } from './generator-problems.js'
import { PIPELINE_RULES, type SoraPipelineOptions } from './options.js'
import { chainProblems } from './strategy-problems.js'

/** What a pipeline has before its engine is loaded: its options, checked and copied. */
export interface PipelineCore extends SoraPipelineOptions {
  readonly clock: Clock
  readonly storeTimeoutMs: number
  /** Aborted when the pipeline closes. */
  readonly closing: AbortController
  /** Resumes a run of the store in the background. */
  readonly resumeRun?: ((id: string) => void) | undefined
}

const NAMES = Object.keys(PIPELINE_RULES) as (keyof SoraPipelineOptions)[]
// Plain data, which a caller may change after the call.
const COPIED: ReadonlySet<string> = new Set(['deadlines', 'maxConcurrentRuns', 'allowPrivateAddresses'])

/**
 * Checks the options.
 * @throws ConfigurationError naming every problem.
 */
export function coreOf(options: SoraPipelineOptions): PipelineCore {
  checkOptions('SoraPipeline', options, PIPELINE_RULES, ({ generator, ...given }) => [
    ...chainProblems(generator),
    ...generatorProblems(generator),
    spendingProblem(given),
  ])
  const given = NAMES.map((name) => [name, COPIED.has(name) ? structuredClone(options[name]) : options[name]])
  const { clock = heldClock(), storeTimeoutMs = 10_000, ...others } = Object.fromEntries(given) as SoraPipelineOptions
  return { ...others, clock, storeTimeoutMs, closing: new AbortController() }
}

function spendingProblem({ beforeSubmit, store }: Omit<SoraPipelineOptions, 'generator'>): OptionProblem {
  const isListed = beforeSubmit === undefined || store === undefined || store.list !== undefined
  return isListed
    ? undefined
    : optionProblem('store', store, 'give a store with list(), from which beforeSubmit gets spent')
}
