import {
  type Admission,
  type GeneratorRoute,
  type GeneratorRoutes,
  withGeneratorRoutes,
} from '../calling/generator-routes.js'
import { generateOnce, pollTask, startTask } from '../calling/tasks.js'
import type { Generator, OneShotGenerator, TaskGenerator } from '../contracts/generator.js'
import type { JsonValue } from '../contracts/json.js'
import { StageTimeoutError } from '../contracts/run-errors.js'
import type { StageContext } from '../contracts/stage.js'
import { mayHaveBeenAccepted } from '../contracts/submission.js'
import { withDeadline } from '../timing/deadline.js'

type RoutedOperation = { readonly cursor: JsonValue; readonly operation: JsonValue }

/**
 * The generator that a combinator returns. A pipeline walks its routes itself, one saved submission at a time. Called directly,
 * it falls back only in `start`: a poll has no request to submit again. It also keeps the place of a task only until `start`
 * ends.
 */
export function combinedGenerator(options: {
  readonly name: string
  readonly label?: string | undefined
  readonly routes: GeneratorRoutes
  readonly isOneShot: boolean
}): Generator {
  const { routes, isOneShot, ...facts } = options
  const generator = isOneShot ? oneShotWalk(facts, routes) : taskWalk(facts, routes)
  return withGeneratorRoutes(generator, routes)
}

function oneShotWalk(facts: { name: string }, routes: GeneratorRoutes): OneShotGenerator {
  return {
    ...facts,
    generate: async (request, context) => {
      const { result } = await walk(routes, context, (generator, within) => generateOnce(generator, request, within))
      return result
    },
  }
}

function taskWalk(facts: { name: string }, routes: GeneratorRoutes): TaskGenerator {
  const at = (operation: JsonValue) => {
    const routed = operation as RoutedOperation
    return { generator: routes.at(routed.cursor).generator, operation: routed.operation }
  }
  return {
    ...facts,
    start: async (request, context) => {
      const { cursor, result } = await walk(routes, context, async (generator, within) => {
        const started = await startTask(generator, request, { ...within, idempotencyKey: context.idempotencyKey })
        if (started.status?.state === 'failed') throw started.status.error
        return started
      })
      return { ...result, operation: { cursor, operation: result.operation } }
    },
    poll: (routed, context) => {
      const { generator, operation } = at(routed)
      return pollTask(generator, operation, context)
    },
    cancel: async (routed, context) => {
      const { generator, operation } = at(routed)
      return 'cancel' in generator ? ((await generator.cancel?.(operation, context)) ?? 'unsupported') : 'unsupported'
    },
    openVariant: async (routed, variant, context) => {
      const { generator, operation } = at(routed)
      return 'openVariant' in generator ? generator.openVariant?.(operation, variant, context) : undefined
    },
  }
}

async function walk<T>(
  routes: GeneratorRoutes,
  context: StageContext,
  attempt: (generator: Generator, context: StageContext) => Promise<T>,
): Promise<{ cursor: JsonValue; result: T }> {
  let cursor = routes.first()
  for (;;) {
    const admission = await routes.admit(cursor, { ...context, isRunning: false, isResident: true })
    cursor = admission.cursor
    try {
      return { cursor, result: await attemptAt(routes.at(cursor), admission, context, attempt) }
    } catch (failure) {
      context.signal.throwIfAborted()
      admission.answered(failure)
      const next = mayHaveBeenAccepted(failure) ? undefined : routes.next(cursor, failure)
      if (next === undefined) throw failure
      admission.release()
      await context.clock.sleep(next.delayMs ?? 0, { signal: context.signal })
      cursor = next.cursor
    } finally {
      admission.release()
    }
  }
}

async function attemptAt<T>(
  { generator, timeoutMs = Number.POSITIVE_INFINITY }: GeneratorRoute,
  admission: Admission,
  context: StageContext,
  attempt: (generator: Generator, context: StageContext) => Promise<T>,
): Promise<T> {
  if (admission.refusal !== undefined) throw admission.refusal
  const error = () =>
    new StageTimeoutError(`Could not generate with ${generator.name} in time: ${timeoutMs} ms`, { timeoutMs })
  const limit = { clock: context.clock, signal: context.signal, timeoutMs, error }
  const result = await withDeadline(limit, ({ signal }) => attempt(generator, { ...context, signal }))
  admission.answered()
  return result
}
