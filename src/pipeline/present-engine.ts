import { engineParts } from './engine-parts.js'
import { keepEngine } from './load-engine.js'

// For programs that run the source. The build has `provideEngine` in its place, which loads the engine at its first use.
keepEngine(engineParts)
