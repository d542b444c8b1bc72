import type { Generator } from './generator.js'
import type { JsonValue } from './json.js'

/**
 * How the pipeline walks a chain of generators itself: every submission then has its own saved intent and key, and a resumed
 * run knows which generator it was at. A combinator of generators carries its routes; a plain generator is one route.
 */
export interface GeneratorRoutes {
  /** Where a run begins. */
  first(): JsonValue
  /** The generator at a cursor. */
  at(cursor: JsonValue): GeneratorRoute
  /** Where to go after a refusal or a verdict; `undefined` ends the chain. */
  next(cursor: JsonValue, error: unknown): NextRoute | undefined
}

/** One generator, and how long its whole job may take. */
export interface GeneratorRoute {
  readonly generator: Generator
  /** Milliseconds from the submission to the video. */
  readonly timeoutMs?: number | undefined
}

/** The next submission. */
export interface NextRoute {
  readonly cursor: JsonValue
  /** How long to wait before it, in milliseconds. */
  readonly delayMs?: number | undefined
}

const ROUTES = Symbol.for('sora-pipeline.generator-routes')

/** Gives a combined generator its routes. */
export function withGeneratorRoutes<G extends Generator>(generator: G, routes: GeneratorRoutes): G {
  return Object.defineProperty(generator, ROUTES, { value: routes })
}

/** The routes of any generator. */
export function generatorRoutesOf(generator: Generator): GeneratorRoutes {
  const routes = (generator as { readonly [ROUTES]?: GeneratorRoutes })[ROUTES]
  return routes ?? { first: () => null, at: () => ({ generator }), next: () => undefined }
}
