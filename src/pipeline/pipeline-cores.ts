import type { PipelineCore } from './pipeline-core.js'

const cores = new WeakMap<object, PipelineCore>()

/** Keeps the options of a pipeline for parts of the library that are not its methods. */
export function keepCore(pipeline: object, core: PipelineCore): void {
  cores.set(pipeline, core)
}

/** The options of a pipeline; `undefined` for any other value. */
export function coreOfPipeline(pipeline: unknown): PipelineCore | undefined {
  return typeof pipeline === 'object' && pipeline !== null ? cores.get(pipeline) : undefined
}
