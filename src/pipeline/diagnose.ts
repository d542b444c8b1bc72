import { plainStrategiesOf } from '../calling/call-strategy.js'
import type { Strategy } from '../calling/stage-calls.js'
import { durabilityOf, type ServerProblem, type StoreDurability } from '../contracts/diagnosable-store.js'
import type { Diagnosable } from '../contracts/diagnosis.js'
import { type SoraPipelineErrorJson, toErrorJson } from '../contracts/errors.js'
import type { StageName } from '../contracts/stage.js'
import { NetworkError } from '../contracts/upstream-errors.js'
import { withDeadline } from '../timing/deadline.js'
import type { EveryDeadline } from './deadlines.js'
import type { PipelineConfig } from './pipeline-config.js'

/** The chain of a pipeline, and whether its store and services answer. JSON, without secrets. */
export interface PipelineDiagnosis {
  /** Time limits in milliseconds, with their defaults; `Infinity` for no limit. */
  readonly deadlines: EveryDeadline
  /** Whether the store answered a read, and what it keeps. */
  readonly store: StoreDiagnosis
  /** Every plain strategy of every chain, in the order of the stages and of their fallbacks. */
  readonly strategies: readonly StrategyDiagnosis[]
}

/** Outcome of a check. */
export interface CheckOutcome {
  /** `unchecked` for a strategy without `check`. */
  readonly outcome: 'ok' | 'failed' | 'unchecked'
  /** How long the check took, in milliseconds; absent when there was none. */
  readonly durationMs?: number
  /** Why it failed. */
  readonly error?: SoraPipelineErrorJson
}

/** A store, and whether it answers. */
export interface StoreDiagnosis extends CheckOutcome {
  /** What it keeps, and for whom; absent for a store of your own that does not declare it. */
  readonly durability?: StoreDurability
  /** Settings of its server with which it cannot keep that; empty if none was found, or the store cannot check it. */
  readonly serverProblems: readonly ServerProblem[]
}

/** A strategy, and whether its service answers. */
export interface StrategyDiagnosis extends CheckOutcome {
  /** Its stage. */
  readonly stage: StageName
  /** Its name. */
  readonly name: string
  /** Its label, if it has one. */
  readonly label?: string
  /** Base URLs of the services that it calls, as far as it names them. */
  readonly endpoints: readonly string[]
}

const LIMIT_MS = 10_000
const PROBE_ID = 'diagnosis'

/** Checks the store and every strategy at the same time, each for at most ten seconds. Never rejects. */
export async function diagnose(config: PipelineConfig): Promise<PipelineDiagnosis> {
  const { generator, publisher, resolver, uploader, deadlines } = config
  const stages = { generate: generator, publish: publisher, resolve: resolver, upload: uploader }
  const chains = Object.entries(stages) as [StageName, (Strategy & Diagnosable) | undefined][]
  const plain = chains.flatMap(([stage, chain]) =>
    (chain === undefined ? [] : plainStrategiesOf(chain)).map((strategy) => ({ stage, strategy })),
  )
  const [ofStore, ...strategies] = await Promise.all([
    storeDiagnosisOf(config),
    ...plain.map(({ stage, strategy }) => diagnosisOf(config, stage, strategy)),
  ])
  return { deadlines, store: ofStore, strategies }
}

async function storeDiagnosisOf(config: PipelineConfig): Promise<StoreDiagnosis> {
  const { store, rawStore } = config
  const durability = durabilityOf(rawStore)
  let serverProblems: readonly ServerProblem[] = []
  const outcome = await outcomeOf(config, async () => {
    await store.load(PROBE_ID)
    serverProblems = (await rawStore.checkServer?.()) ?? []
  })
  return { ...outcome, ...(durability && { durability }), serverProblems }
}

async function diagnosisOf(config: PipelineConfig, stage: StageName, strategy: Strategy): Promise<StrategyDiagnosis> {
  const { name, label, endpoints = [], check } = strategy as Strategy & Diagnosable
  const { clock } = config
  const outcome: CheckOutcome =
    typeof check === 'function'
      ? await outcomeOf(config, (signal) => check.call(strategy, { signal, clock }))
      : { outcome: 'unchecked' }
  return { stage, name, ...(label !== undefined && { label }), endpoints, ...outcome }
}

async function outcomeOf(
  { clock }: PipelineConfig,
  check: (signal: AbortSignal) => Promise<unknown>,
): Promise<CheckOutcome> {
  const startedAt = clock.monotonic()
  const durationMs = () => Math.round(clock.monotonic() - startedAt)
  const error = () => new NetworkError(`Could not finish the check, no answer came in milliseconds: ${LIMIT_MS}`)
  try {
    await withDeadline({ clock, timeoutMs: LIMIT_MS, error }, ({ signal }) => check(signal))
    return { outcome: 'ok', durationMs: durationMs() }
  } catch (thrown) {
    return { outcome: 'failed', durationMs: durationMs(), error: toErrorJson(thrown) }
  }
}
