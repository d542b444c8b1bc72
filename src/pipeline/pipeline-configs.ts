import type { RunStore } from '../contracts/run-store.js'
import type { PipelineConfig } from './pipeline-config.js'

/** The store of a runner, and when the runner closes. */
export interface RunnerStore {
  /** With a time limit on each operation. */
  readonly store: RunStore
  readonly closing: AbortSignal
}

const configs = new WeakMap<object, PipelineConfig>()
const stores = new WeakMap<object, RunnerStore>()

/** Keeps the configuration of a pipeline for parts of the library that are not its methods. */
export function keepConfig(pipeline: object, config: PipelineConfig): void {
  configs.set(pipeline, config)
}

/** The configuration of a pipeline; `undefined` for any other value. */
export function configOfPipeline(pipeline: unknown): PipelineConfig | undefined {
  return typeof pipeline === 'object' && pipeline !== null ? configs.get(pipeline) : undefined
}

/** Keeps the store of a runner that is not a pipeline. */
export function keepStore(runner: object, store: RunnerStore): void {
  stores.set(runner, store)
}

/** The store of a pipeline, or of a runner of this library; `undefined` for any other value. */
export function storeOfRunner(runner: object): RunnerStore | undefined {
  const config = configs.get(runner)
  return config ? { store: config.store, closing: config.closing.signal } : stores.get(runner)
}
