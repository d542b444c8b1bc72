import type {
  GeneratedVideo,
  Generator,
  OneShotGenerator,
  StartedTask,
  TaskGenerator,
  TaskStatus,
} from '../contracts/generator.js'
import { jsonCopy } from '../contracts/is-json.js'
import type { JsonValue } from '../contracts/json.js'
import type { VideoRequest } from '../contracts/request.js'
import type { StageContext } from '../contracts/stage.js'
import { fieldOf } from '../contracts/thrown-value.js'
import { callStrategy } from './call-strategy.js'
import { flawOfOperation, flawOfStatus } from './result-flaws.js'
import { unreadableSubmission, unusableResult } from './unusable-result.js'

const STATUS_FIELDS = ['state', 'ratio', 'phase', 'pollAfterMs', 'video', 'error'] as const

/** Generates with a one-shot generator, and reports the attempt to the context's observer. */
export function generateOnce(
  generator: Generator,
  request: VideoRequest,
  context: StageContext,
): Promise<GeneratedVideo> {
  return callStrategy('generate', generator as OneShotGenerator, request, context)
}

/**
 * Submits to any generator. A one-shot generator is a task that has ended when it answers. A status that cannot be read is left out,
 * with a warning: the job is known, and polls say what became of it.
 * @throws SubmissionUnknownError that names the field and what to give, when the job was accepted and is not known.
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
  // What has ended is not polled, so that it can do without.
  if (flaw !== undefined && !isOver) throw unreadableSubmission(generator, 'start', flaw)
  const wrong = flaw ?? statusFlaw
  if (wrong !== undefined) {
    const { message } = unusableResult(generator, 'start', wrong)
    context.warn?.({ code: 'invalid-result', message })
  }
  // A copy, before the generator goes on with what it gave.
  const operation = flaw === undefined ? jsonCopy(fieldOf(started, 'operation') as JsonValue) : null
  return { operation, ...(status && { status }) }
}

/**
 * Polls any generator once. What it resolves with is not checked.
 * @throws TypeError when the generator has no `poll`.
 */
export async function pollTask(generator: Generator, operation: JsonValue, context: StageContext): Promise<TaskStatus> {
  // A copy: what a generator does to it stays its own.
  if ('poll' in generator) return generator.poll(jsonCopy(operation), context)
  throw new TypeError(`Could not poll a generator without poll(): ${generator.name}`)
}

// Field by field, for it may be anything.
function statusOf(given: unknown): TaskStatus {
  const entries = STATUS_FIELDS.map((field) => [field, fieldOf(given, field)] as const)
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined)) as unknown as TaskStatus
}
