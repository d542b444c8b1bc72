import { lazyPart } from '../contracts/lazy-part.js'
import { moduleNow } from '../contracts/module-now.js'
import { RunStateError } from '../contracts/run-errors.js'
import type { PipelineEngine } from './engine.js'
import type { engineParts } from './engine-parts.js'
import type { PipelineCore } from './pipeline-core.js'

export type EngineParts = typeof engineParts

let present: EngineParts | undefined
let importPart: (() => Promise<EngineParts>) | undefined

/** Declares that the engine is in this process. */
export function keepEngine(parts: EngineParts): void {
  present = parts
}

/**
 * The engine if it is in this process or can be loaded in this turn, so that a run starts in the turn of its call, whatever a test
 * does with timers. Otherwise it is imported, once for all pipelines; after a failure the next call tries again. The promise rejects
 * with a `RunStateError` if it cannot be imported. Nothing is saved or sent without it.
 */
export function loadEngine(): EngineParts | Promise<EngineParts> {
  present ??= loadedNow()
  return present ?? importEngine()
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

  /** See {@link loadEngine}. */
  load(): PipelineEngine | Promise<PipelineEngine> {
    if (this.#made) return this.#made
    const parts = loadEngine()
    return parts instanceof Promise ? parts.then((loaded) => this.#make(loaded)) : this.#make(parts)
  }

  #make({ PipelineEngine }: EngineParts): PipelineEngine {
    this.#made ??= new PipelineEngine(this.core)
    return this.#made
  }
}

function loadedNow(): EngineParts | undefined {
  const parts = moduleNow<{ readonly engineParts?: EngineParts }>('engine')?.engineParts
  // A loader may give `require` a copy of the library, whose errors are other classes.
  return parts?.RunStateError === RunStateError ? parts : undefined
}

async function importEngine(): Promise<EngineParts> {
  // Here and not at the top of the module: an engine that is present must not be imported by a run that loads all parts.
  importPart ??= lazyPart(async () => {
    const { engineParts: parts } = (await import('./engine-parts.js')) as { readonly engineParts?: EngineParts }
    if (parts === undefined) throw new Error('The file of the engine is empty')
    return parts
  })
  try {
    present = await importPart()
    return present
  } catch (cause) {
    const reason = 'a part of the library cannot be loaded'
    const message = `Could not start the engine of the pipeline, nothing was sent: ${reason}; restart the process`
    throw new RunStateError(message, { cause, reason, isRetryable: true })
  }
}
