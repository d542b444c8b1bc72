import type { PipelineConfig } from './pipeline-config.js'

const configs = new WeakMap<object, PipelineConfig>()

/** Keeps the configuration of a pipeline for parts of the library that are not its methods. */
export function keepConfig(pipeline: object, config: PipelineConfig): void {
  configs.set(pipeline, config)
}

/** The configuration of a pipeline; `undefined` for any other value. */
export function configOfPipeline(pipeline: unknown): PipelineConfig | undefined {
  return typeof pipeline === 'object' && pipeline !== null ? configs.get(pipeline) : undefined
}
