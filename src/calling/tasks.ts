import type {
  GeneratedVideo,
  Generator,
  OneShotGenerator,
  StartedTask,
  TaskGenerator,
  TaskStatus,
} from '../contracts/generator.js'
import { isJson, jsonCopy } from '../contracts/is-json.js'
import type { JsonObject, JsonValue } from '../contracts/json.js'
import type { VideoRequest } from '../contracts/request.js'
import type { StageContext } from '../contracts/stage.js'
import { fieldOf } from '../contracts/thrown-value.js'
import { callStrategy } from './call-strategy.js'
import { flawOfOperation, flawOfStatus } from './result-flaws.js'
import { unreadableSubmission, unusableResult } from './unusable-result.js'

const STATUS_FIELDS = ['state', 'ratio', 'phase', 'pollAfterMs', 'video', 'error'] as const

/** Generates with a one-shot generator, and reports the attempt to the observer of the context. */
export function generateOnce(
  generator: Generator,
  request: VideoRequest,
  context: StageContext,
): Promise<GeneratedVideo> {
  return callStrategy('generate', generator as OneShotGenerator, request, context)
}

/**
 * Submits to any generator. A one-shot generator counts as a task that has ended when it resolves. A status that cannot be read
 * is ignored with a warning: the job is known, and polls report its state.
 * @throws SubmissionUnknownError that names the field and the fix, when the job was accepted but cannot be identified.
 */
export async function startTask(
  generator: Generator,
  request: VideoRequest,
  context: Parameters<TaskGenerator['start']>[1],
): Promise<StartedTask> {
  if (!('start' in generator)) {
    const video = await generateOnce(generator, request, context)
    return { operation: null, status: { state: 'completed', video } }
  }
  const started: unknown = await generator.start(request, context)
  const given = fieldOf(started, 'status')
  const isGiven = given !== undefined && given !== null
  const statusFlaw = isGiven ? flawOfStatus(given, 'status') : undefined
  const status = isGiven && statusFlaw === undefined ? statusOf(given) : undefined
  const flaw = flawOfOperation(started)
  const isOver = status?.state === 'completed' || status?.state === 'failed'
  // A job that has ended is not polled and needs no operation.
  if (flaw !== undefined && !isOver) throw unreadableSubmission(generator, 'start', flaw)
  const wrong = flaw ?? statusFlaw
  if (wrong !== undefined) {
    const { message } = unusableResult(generator, 'start', wrong)
    context.warn?.({ code: 'invalid-result', message })
  }
  // A copy, because the generator may change the object later.
  const operation = flaw === undefined ? jsonCopy(fieldOf(started, 'operation') as JsonValue) : null
  const usage = usageIn(started)
  return { operation, ...(status && { status }), ...(usage && { usage }) }
}

/**
 * Polls any generator once. The result is not checked.
 * @throws TypeError when the generator has no `poll`.
 */
export async function pollTask(generator: Generator, operation: JsonValue, context: StageContext): Promise<TaskStatus> {
  // A copy, because the generator may change it.
  if ('poll' in generator) return generator.poll(jsonCopy(operation), context)
  throw new TypeError(`Could not poll a generator without poll(): ${generator.name}`)
}

function usageIn(started: unknown): JsonObject | undefined {
  const usage = fieldOf(started, 'usage')
  const isObject = typeof usage === 'object' && usage !== null && !Array.isArray(usage)
  return isObject && isJson(usage) ? (jsonCopy(usage as JsonValue) as JsonObject) : undefined
}

// Field by field, because it may be any value.
function statusOf(given: unknown): TaskStatus {
  const entries = STATUS_FIELDS.map((field) => [field, fieldOf(given, field)] as const)
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined)) as unknown as TaskStatus
}
