import type {
  GeneratedVideo,
  Generator,
  OneShotGenerator,
  StartedTask,
  TaskGenerator,
  TaskStatus,
} from '../contracts/generator.js'
import type { JsonValue } from '../contracts/json.js'
import type { VideoRequest } from '../contracts/request.js'
import type { StageContext } from '../contracts/stage.js'
import { callStrategy } from './call-strategy.js'

/** Generates with a one-shot generator, and reports the attempt to the context's observer. */
export function generateOnce(
  generator: Generator,
  request: VideoRequest,
  context: StageContext,
): Promise<GeneratedVideo> {
  return callStrategy('generate', generator as OneShotGenerator, request, context)
}

/** Submits to any generator. A one-shot generator is a task that has ended when it answers. */
export async function startTask(
  generator: Generator,
  request: VideoRequest,
  context: Parameters<TaskGenerator['start']>[1],
): Promise<StartedTask> {
  if ('start' in generator) return generator.start(request, context)
  const video = await generateOnce(generator, request, context)
  return { operation: null, status: { state: 'completed', video } }
}

/**
 * Polls any generator once.
 * @throws TypeError when the generator has no `poll`.
 */
export async function pollTask(generator: Generator, operation: JsonValue, context: StageContext): Promise<TaskStatus> {
  if ('poll' in generator) return generator.poll(operation, context)
  throw new TypeError(`Could not poll a generator without poll(): ${generator.name}`)
}
