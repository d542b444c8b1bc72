import { PipelineEngine } from './engine.js'
import { keepEngine } from './load-engine.js'

/**
 * The engine, for modules that use it without a wait. Importing it declares that it is in this process: so an unbundled program,
 * whose entry file has all of the library, never loads it later. A bundle without such a module has the engine in a file of its own.
 */
export const presentEngine = /* @__PURE__ */ keepEngine(PipelineEngine)
