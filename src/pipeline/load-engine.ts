import { lazyPart } from '../contracts/lazy-part.js'
import { RunStateError } from '../contracts/run-errors.js'
import type { PipelineEngine } from './engine.js'
import type { PipelineCore } from './pipeline-core.js'

type Engine = typeof PipelineEngine

let present: Engine | undefined
let loadPart: (() => Promise<Engine>) | undefined

/** Declares that the engine is in this process. */
export function keepEngine(engine: Engine): Engine {
  present = engine
  return engine
}

/** The engine of one pipeline, from its first use. */
export class LazyEngine {
  readonly core: PipelineCore
  #made: PipelineEngine | undefined

  constructor(core: PipelineCore) {
    this.core = core
  }

  /** `undefined` before the first use. */
  get made(): PipelineEngine | undefined {
    return this.#made
  }

  /**
   * The engine itself if it is in this process, so that a run starts in the turn of its call, whatever a test does with timers.
   * Otherwise it is imported, once for all pipelines; after a failure the next call tries again. The promise rejects with a
   * `RunStateError` if it cannot be imported. Nothing is saved or sent without it.
   */
  load(): PipelineEngine | Promise<PipelineEngine> {
    return (
      this.#made ?? (present === undefined ? importEngine().then((engine) => this.#make(engine)) : this.#make(present))
    )
  }

  #make(engine: Engine): PipelineEngine {
    this.#made ??= new engine(this.core)
    return this.#made
  }
}

async function importEngine(): Promise<Engine> {
  // Here and not at the top of the module: an engine that is present must not be imported by a run that loads all parts.
  loadPart ??= lazyPart(async () => (await import('./engine.js')).PipelineEngine)
  try {
    return keepEngine(await loadPart())
  } catch (cause) {
    const reason = 'a part of the library cannot be loaded'
    const message = `Could not start the engine of the pipeline, nothing was sent: ${reason}; restart the process`
    throw new RunStateError(message, { cause, reason, isRetryable: true })
  }
}
