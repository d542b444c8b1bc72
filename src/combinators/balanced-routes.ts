import { type GeneratorRoutes, generatorRoutesOf, placeAmong } from '../calling/generator-routes.js'
import { isSoraPipelineError } from '../contracts/errors.js'
import type { Generator } from '../contracts/generator.js'
import type { JsonValue } from '../contracts/json.js'
import type { Place, Places } from './places.js'
import { restOf } from './rest-of.js'

type Cursor = {
  /** Strategies that the job tried and that are suspended. */
  readonly tried: readonly number[]
  /** The strategy that has the job; `null` until one was chosen. */
  readonly at: { readonly index: number; readonly inner: JsonValue } | null
}

/** The routes of balanced generators: a job occupies its generator until it has ended. */
export function balancedRoutes(members: readonly Generator[], places: Places): GeneratorRoutes {
  const inner = members.map(generatorRoutesOf)
  const routesAt = (index: number) => inner[index] as GeneratorRoutes
  const untried = (tried: readonly number[]) => [...members.keys()].filter((index) => !tried.includes(index))
  return {
    generators: inner.flatMap(({ generators }) => generators),
    first: () => ({ tried: [], at: null }),
    locate: (generator) => {
      const at = placeAmong(inner, generator)
      return at === undefined ? undefined : { tried: [], at }
    },
    at: (cursor) => {
      const { tried, at } = cursor as Cursor
      const index = at?.index ?? places.foresee(untried(tried))
      const route = routesAt(index).at(at?.inner ?? routesAt(index).first())
      return at === null ? { ...route, isUndecided: true } : route
    },
    next: (cursor, error) => {
      const { tried, at } = cursor as Cursor
      if (at === null) return undefined
      const { index } = at
      const within = routesAt(index).next(at.inner, error)
      if (within) return { ...within, cursor: { tried, at: { index, inner: within.cursor } } }
      const isLast = tried.length + 1 >= members.length
      if (isLast || restOf(error, members[index] as Generator) === undefined) return undefined
      return { cursor: { tried: [...tried, index], at: null } }
    },
    admit: async (cursor, context) => {
      const { tried, at } = cursor as Cursor
      let place: Place | { readonly laterMs: number }
      try {
        place =
          at && context.isRunning
            ? places.occupy(at.index, context)
            : await places.take(at ? [at.index] : untried(tried), context)
      } catch (refusal) {
        context.signal.throwIfAborted()
        // The store that the places are in does not answer: no generator refused anything.
        if (isSoraPipelineError(refusal) && refusal.code === 'run-state') throw refusal
        return { cursor, refusal, answered() {}, release() {} }
      }
      if ('laterMs' in place) return { cursor, laterMs: place.laterMs, answered() {}, release() {} }
      const { index, release } = place
      try {
        const admission = await routesAt(index).admit(at?.inner ?? routesAt(index).first(), context)
        return {
          ...admission,
          cursor: { tried, at: { index, inner: admission.cursor } },
          answered: (error) => {
            admission.answered(error)
            // An inner chain that continues has not failed yet.
            const isOver = error !== undefined && routesAt(index).next(admission.cursor, error) === undefined
            const rest = isOver ? restOf(error, members[index] as Generator) : undefined
            if (rest) places.rest(index, rest, context)
          },
          release: async (leftForMs) => {
            await Promise.all([admission.release(leftForMs), release(leftForMs)])
          },
        }
      } catch (error) {
        void release()
        throw error
      }
    },
  }
}
