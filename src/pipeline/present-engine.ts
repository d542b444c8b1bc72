import { engineParts } from './engine-parts.js'
import { keepEngine } from './load-engine.js'

// For programs that run the source. The build has two files in its place: see `completeIndex` of `tsup.config.ts`.
keepEngine(engineParts)
