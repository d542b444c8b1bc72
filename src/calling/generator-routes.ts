import type { Generator } from '../contracts/generator.js'
import type { JsonValue } from '../contracts/json.js'
import type { StageContext } from '../contracts/stage.js'

/**
 * How the pipeline walks a chain of generators itself. Every submission then has its own saved intent and key, and a resumed run
 * knows its generator. A combinator of generators carries its routes; a plain generator is one route.
 */
export interface GeneratorRoutes {
  /** Every plain generator of the chain, in order. */
  readonly generators: readonly Generator[]
  /** Where a run starts. */
  first(): JsonValue
  /** The cursor of a plain generator; `undefined` if the chain does not contain it. */
  locate(generator: Generator): JsonValue | undefined
  /** The generator at a cursor. */
  at(cursor: JsonValue): GeneratorRoute
  /** The next submission after a refusal or a failed job; `undefined` ends the chain. */
  next(cursor: JsonValue, error: unknown): NextRoute | undefined
  /**
   * Waits for admission of a job at the cursor. The admission must be released. Rejects only with `signal.reason`, or with a
   * `RunStateError` when a shared store is down: a refusal is an admission as well.
   */
  admit(cursor: JsonValue, context: AdmissionContext): Promise<Admission>
}

/** Context of a job that waits for admission. */
export interface AdmissionContext extends Pick<StageContext, 'runId' | 'clock' | 'signal' | 'report' | 'warn'> {
  /** Whether the job may already be running, such as after a restart: then it is counted and never waits. */
  readonly isRunning: boolean
  /** Whether this process stays with the job until it ends. Otherwise a job that would wait long gets an admission with `laterMs`. */
  readonly isResident: boolean
}

/** Admission of a job to one generator. It exists only in this process. */
export interface Admission {
  /** The cursor of the admitted generator: `admit` may have chosen one. */
  readonly cursor: JsonValue
  /** Why the job is not admitted; handled like a refusal by the upstream. */
  readonly refusal?: unknown
  /** The job is not admitted yet: any process may ask again after so many milliseconds. */
  readonly laterMs?: number | undefined
  /**
   * Reports the outcome of the job: without an error when it was accepted, else with the error of a refusal, of a failed job, or
   * of a submission with unknown outcome.
   */
  answered(error?: unknown): void
  /**
   * The job has ended, or this process no longer works on it. A second call does nothing.
   * @param leftForMs - The job continues, and is due in any process after so many milliseconds.
   * @returns when places that other processes see are up to date; it never rejects.
   */
  release(leftForMs?: number): Promise<void> | void
}

/** A generator and the time limit of its whole job. */
export interface GeneratorRoute {
  readonly generator: Generator
  /** Whether `admit` chooses the generator. Until then `generator` is the one that it would choose now. */
  readonly isUndecided?: boolean | undefined
  /** Milliseconds from the submission to the video. */
  readonly timeoutMs?: number | undefined
}

/** The next submission. */
export interface NextRoute {
  readonly cursor: JsonValue
  /** How long to wait before the submission, in milliseconds. */
  readonly delayMs?: number | undefined
  /** The generators that are tried again with it, so that those whose job failed may be paid again. */
  readonly again?: readonly Generator[] | undefined
}

const ROUTES = Symbol.for('sora-pipeline.generator-routes')

/** Sets the routes of a combined generator. */
export function withGeneratorRoutes<G extends Generator>(generator: G, routes: GeneratorRoutes): G {
  return Object.defineProperty(generator, ROUTES, { value: routes })
}

/** The routes of any generator. */
export function generatorRoutesOf(generator: Generator): GeneratorRoutes {
  const routes = (generator as { readonly [ROUTES]?: GeneratorRoutes })[ROUTES]
  if (routes !== undefined) return routes
  let plain = plainRoutes.get(generator)
  if (plain === undefined) {
    plain = plainRoutesOf(generator)
    plainRoutes.set(generator, plain)
    freeRoutes.add(plain)
  }
  return plain
}

/** Admits a job to a plain generator, where nothing waits; `undefined` for a chain. */
export function admitNow(routes: GeneratorRoutes, cursor: JsonValue): Admission | undefined {
  return freeRoutes.has(routes) ? freeAdmission(cursor) : undefined
}

// Kept, because every step of a run needs them. A combinator that copies the routes of its generator may have limits.
const plainRoutes = new WeakMap<Generator, GeneratorRoutes>()
const freeRoutes = new WeakSet<GeneratorRoutes>()

function plainRoutesOf(generator: Generator): GeneratorRoutes {
  return {
    generators: [generator],
    first: () => null,
    locate: (other) => (other === generator ? null : undefined),
    at: () => ({ generator }),
    next: () => undefined,
    admit: async (cursor) => freeAdmission(cursor),
  }
}

function freeAdmission(cursor: JsonValue): Admission {
  return { cursor, answered() {}, release() {} }
}

/** Whether a cursor is valid in a chain: a state may come from a chain of another form. */
export function isPlaceIn(routes: GeneratorRoutes, cursor: JsonValue): boolean {
  const form = (place: JsonValue) => Object.keys(Object(place)).sort().join()
  if (form(cursor) !== form(routes.first())) return false
  try {
    return routes.at(cursor).generator !== undefined
  } catch {
    // The inner routes cannot read the cursor, so it is not valid.
    return false
  }
}

/** The cursor of a plain generator among several routes; `undefined` if none contains it. */
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

/** Calls the routes inside others, whose cursor is a part of the outer one. */
export async function admitWithin(
  routes: GeneratorRoutes,
  cursor: JsonValue,
  context: AdmissionContext,
  outer: (cursor: JsonValue) => JsonValue,
): Promise<Admission> {
  const admission = await routes.admit(cursor, context)
  return { ...admission, cursor: outer(admission.cursor) }
}
