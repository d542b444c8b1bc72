import type { OptionRules } from '../../../contracts/check-options.js'
import type { TaskGenerator } from '../../../contracts/generator.js'
import { aFunction } from '../../../contracts/option-rules.js'
import type { TaskApiOperation } from '../task-api/operation.js'
import { taskApiGenerator } from '../task-api/task-api-generator.js'
import type { TaskApiVideoRequest } from '../task-api/task-api-options.js'
import { addressesIn, appOf, requestPath } from './fal-request.js'
import { ownAddresses } from './own-addresses.js'
import { checkProvider, modelPath, type ProviderGeneratorOptions, providerRules } from './provider-options.js'
import { onlyRatioOf } from './video-frame.js'

/** Options of `falGenerator`. */
export interface FalGeneratorOptions extends ProviderGeneratorOptions {
  /**
   * Maps a request to the input of the model, where the model names its fields differently.
   * @defaultValue `prompt`, `image_url`, `duration` (a text), `aspect_ratio` (also that of a size), `seed`, `generate_audio`
   */
  readonly input?: ((request: TaskApiVideoRequest) => object) | undefined
}

const RULES: OptionRules<FalGeneratorOptions> = { ...providerRules, input: aFunction }

/**
 * Generates with any model of fal, also of owners other than `fal-ai`: a job is polled, read and cancelled at the addresses that fal
 * gives, and behind a gateway, whose answers name addresses of fal, by its id below `baseUrl`. fal has neither a lookup nor idempotency
 * keys, so a submission whose outcome is unknown ends in review. A result that is refused with 422 and `content_policy_violation` is a
 * `ContentRejectedError`; one that stays a 500 for a minute, or 502, 503 or 504 for five, is a `GenerationFailedError`. The video is at a
 * public address.
 *
 * Follows "Asynchronous Inference" of docs.fal.ai (Queue API), read in November 2026.
 *
 * @throws ConfigurationError when an option cannot work, with every problem at once.
 *
 * @example
 * ```ts
 * import { falGenerator } from 'sora-pipeline/strategies'
 *
 * const generator = falGenerator({
 *   baseUrl: 'https://queue.fal.run',
 *   apiKey: 'your-key',
 *   model: 'fal-ai/wan/v3/text-to-video',
 * })
 * console.log(generator.name)
 * ```
 */
export function falGenerator(given: FalGeneratorOptions): TaskGenerator<TaskApiOperation> {
  const { input = plainInput, ...options } = checkProvider('falGenerator', given, RULES, 'fal')
  const pathOf = (operation: TaskApiOperation) => requestPath(operation, given.model)
  return taskApiGenerator({
    ...options,
    authScheme: 'Key',
    sendsCallback: true,
    create(request, { callbackUrl }) {
      const query = callbackUrl === undefined ? '' : `?fal_webhook=${encodeURIComponent(callbackUrl)}`
      return { path: `/${modelPath(request.model)}${query}`, body: input(request), data: { app: appOf(request.model) } }
    },
    read: ({ phase, text }) => ({
      // An address of a poll is never that of the video.
      ...(phase === 'result' ? {} : { id: text('request_id'), urls: [] }),
      ...ownAddresses(given.baseUrl, addressesIn(text)),
    }),
    poll: { path: (operation) => operation.pollUrl ?? `${pathOf(operation)}/status` },
    result: { path: (operation) => operation.resultUrl ?? pathOf(operation) },
    cancel: { method: 'PUT', path: (operation) => operation.cancelUrl ?? `${pathOf(operation)}/cancel` },
  })
}

function plainInput(request: TaskApiVideoRequest): object {
  const { prompt, image, durationSeconds, seed, audio } = request
  return {
    prompt,
    image_url: image,
    duration: durationSeconds === undefined ? undefined : String(durationSeconds),
    aspect_ratio: onlyRatioOf(request),
    seed,
    generate_audio: audio,
  }
}
