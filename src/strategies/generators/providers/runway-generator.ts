import type { TaskGenerator } from '../../../contracts/generator.js'
import type { TaskApiOperation } from '../task-api/operation.js'
import { taskApiGenerator } from '../task-api/task-api-generator.js'
import type { TaskApiVideoRequest } from '../task-api/task-api-options.js'
import { checkProvider, type ProviderGeneratorOptions, providerRules } from './provider-options.js'

/** Options of `runwayGenerator`. */
export interface RunwayGeneratorOptions extends ProviderGeneratorOptions {}

const VERSION = '2024-11-06'
const RATIOS: Readonly<Record<string, string>> = { '16:9': '1280:720', '9:16': '720:1280', '1:1': '960:960' }
// Runway asks for no more than one poll in this time.
const POLL_AFTER_MS = 5_000

/**
 * Generates with the models behind Runway's API. Progress is real. There is neither a lookup nor an idempotency key, so a submission
 * whose outcome is unknown ends in review. A video lives for one to two days; each poll renews its address. A running task is
 * cancelled by the request that deletes a finished one, so a task that is over is left alone.
 *
 * Follows "API Getting Started Guide" and the reference of docs.dev.runwayml.com (version 2024-11-06), read in November 2026.
 *
 * @throws ConfigurationError when an option cannot work, with every problem at once.
 *
 * @example
 * ```ts
 * import { runwayGenerator } from 'sora-pipeline/strategies'
 *
 * const generator = runwayGenerator({
 *   baseUrl: 'https://api.dev.runwayml.com/v1',
 *   apiKey: 'your-key',
 *   model: 'gen4.5',
 * })
 * console.log(generator.name)
 * ```
 */
export function runwayGenerator(given: RunwayGeneratorOptions): TaskGenerator<TaskApiOperation> {
  const options = checkProvider('runwayGenerator', given, providerRules, 'runway')
  return taskApiGenerator({
    ...options,
    headers: { 'x-runway-version': VERSION, ...options.headers },
    create(request) {
      const { prompt, model, image, durationSeconds, seed, audio } = request
      const body = { model, promptText: prompt, ratio: ratioOf(request), duration: durationSeconds, seed, audio }
      if (image === undefined) return { path: '/text_to_video', body }
      return { path: '/image_to_video', body: { ...body, promptImage: image } }
    },
    read({ phase, at }) {
      const progress = at('progress')
      return {
        ...(phase === 'poll' && { pollAfterMs: POLL_AFTER_MS }),
        // From 0 to 1: a 1 would be read as one percent.
        ...(typeof progress === 'number' && { progress: progress * 100 }),
      }
    },
    poll: { path: ({ id }) => `/tasks/${encodeURIComponent(id)}` },
    cancel: { method: 'DELETE', path: ({ id }) => `/tasks/${encodeURIComponent(id)}` },
  })
}

function ratioOf({ size, aspectRatio }: TaskApiVideoRequest): string {
  return size?.replace('x', ':') ?? RATIOS[aspectRatio ?? '16:9'] ?? String(aspectRatio)
}
