import type { TaskGenerator } from '../../../contracts/generator.js'
import type { TaskApiOperation } from '../task-api/operation.js'
import { taskApiGenerator } from '../task-api/task-api-generator.js'
import { mediaContent } from './media-content.js'
import { checkProvider, type ProviderGeneratorOptions, providerRules } from './provider-options.js'
import { frameOf } from './video-frame.js'

/** Options of `arkGenerator`. */
export interface ArkGeneratorOptions extends ProviderGeneratorOptions {}

/**
 * Generates with Seedance at BytePlus ModelArk or Volcengine Ark. The default address is that of BytePlus in Southeast Asia. Only a
 * task in line can be cancelled. There is neither a lookup nor an idempotency key, so a submission whose outcome is unknown ends in
 * review. A video lives for 24 hours: upload it. References and a sound (Seedance 2.0 and later) exclude a first and a last frame.
 *
 * Follows "Create a video generation task" and "Cancel or delete a video generation task" of docs.byteplus.com/docs/ModelArk, read in
 * November 2026.
 *
 * @throws ConfigurationError when an option cannot work, with every problem at once.
 *
 * @example
 * ```ts
 * import { arkGenerator } from 'sora-pipeline/strategies'
 *
 * const generator = arkGenerator({
 *   baseUrl: 'https://ark.ap-southeast.bytepluses.com/api/v3',
 *   apiKey: 'your-key',
 *   model: 'seedance-2-0-260128',
 * })
 * console.log(generator.name)
 * ```
 */
export function arkGenerator(given: ArkGeneratorOptions): TaskGenerator<TaskApiOperation> {
  const options = checkProvider('arkGenerator', given, providerRules, 'ark')
  const path = '/contents/generations/tasks'
  return taskApiGenerator({
    ...options,
    sendsCallback: true,
    create(request, { callbackUrl }) {
      const { prompt, model, durationSeconds, seed, audio } = request
      const content = [{ type: 'text', text: prompt }, ...mediaContent(request)]
      const body = {
        model,
        content,
        ...frameOf(request),
        duration: durationSeconds,
        seed,
        generate_audio: audio,
        callback_url: callbackUrl,
      }
      return { path, body }
    },
    // The answer also names the last frame, which is a picture.
    read: ({ text }) => ({ urls: [text('content.video_url')].filter((url) => url !== undefined) }),
    poll: { path: ({ id }) => `${path}/${encodeURIComponent(id)}` },
    cancel: { method: 'DELETE', path: ({ id }) => `${path}/${encodeURIComponent(id)}` },
  })
}
