import type { Generator } from '../contracts/generator.js'
import type { JsonValue } from '../contracts/json.js'
import type { StageContext } from '../contracts/stage.js'

/**
 * How the pipeline walks a chain of generators itself: every submission then has its own saved intent and key, and a resumed
 * run knows which generator it was at. A combinator of generators carries its routes; a plain generator is one route.
 */
export interface GeneratorRoutes {
  /** Every plain generator of the chain, in order. */
  readonly generators: readonly Generator[]
  /** Where a run begins. */
  first(): JsonValue
  /** The place of a plain generator of the chain; `undefined` when it is not in it. */
  locate(generator: Generator): JsonValue | undefined
  /** The generator at a cursor. */
  at(cursor: JsonValue): GeneratorRoute
  /** Where to go after a refusal or a verdict; `undefined` ends the chain. */
  next(cursor: JsonValue, error: unknown): NextRoute | undefined
  /**
   * Waits for leave to have a job at the cursor. What is given must be released. Rejects with `signal.reason` alone: a refusal is
   * an admission as well.
   */
  admit(cursor: JsonValue, context: AdmissionContext): Promise<Admission>
}

/** What a job that asks for leave is given and says of itself. */
export interface AdmissionContext extends Pick<StageContext, 'clock' | 'signal' | 'report'> {
  /** Whether the job may run already, such as after a restart: it is counted then and never waits. */
  readonly isRunning: boolean
}

/** Leave to have a job at one generator. It lives in this process alone. */
export interface Admission {
  /** Which generator it is for: `admit` may have chosen one. */
  readonly cursor: JsonValue
  /** Why there is no leave; to be taken like the upstream's own refusal of a submission. */
  readonly refusal?: unknown
  /**
   * Told what became of the job: nothing when it was accepted, else the error, be it a refusal, a verdict, or that the outcome of
   * the submission is not known.
   */
  answered(error?: unknown): void
  /** The job has ended, or this process has no part in it any more. A second call does nothing. */
  release(): void
}

/** One generator, and how long its whole job may take. */
export interface GeneratorRoute {
  readonly generator: Generator
  /** Whether `admit` will choose the generator: what is named until then is the one that it would choose now. */
  readonly isUndecided?: boolean | undefined
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
  if (routes !== undefined) return routes
  return {
    generators: [generator],
    first: () => null,
    locate: (other) => (other === generator ? null : undefined),
    at: () => ({ generator }),
    next: () => undefined,
    admit: admitFreely,
  }
}

/** Whether a cursor is a place in a chain: a state may come from a chain of another form. */
export function isPlaceIn(routes: GeneratorRoutes, cursor: JsonValue): boolean {
  const form = (place: JsonValue) => Object.keys(Object(place)).sort().join()
  if (form(cursor) !== form(routes.first())) return false
  try {
    return routes.at(cursor).generator !== undefined
  } catch {
    // A place that the inner routes cannot read, which is the answer.
    return false
  }
}

/** The place of a plain generator among several routes; `undefined` when it is in none. */
export function placeAmong(
  routes: readonly GeneratorRoutes[],
  generator: Generator,
): { readonly index: number; readonly inner: JsonValue } | undefined {
  for (const [index, { locate }] of routes.entries()) {
    const inner = locate(generator)
    if (inner !== undefined) return { index, inner }
  }
  return undefined
}

/** Asks the routes inside others, whose cursor is a part of theirs. */
export async function admitWithin(
  routes: GeneratorRoutes,
  cursor: JsonValue,
  context: AdmissionContext,
  outer: (cursor: JsonValue) => JsonValue,
): Promise<Admission> {
  const admission = await routes.admit(cursor, context)
  return { ...admission, cursor: outer(admission.cursor) }
}

async function admitFreely(cursor: JsonValue): Promise<Admission> {
  return { cursor, answered() {}, release() {} }
}
