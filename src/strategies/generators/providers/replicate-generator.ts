import type { OptionRules } from '../../../contracts/check-options.js'
import type { TaskGenerator } from '../../../contracts/generator.js'
import { aFunction, number } from '../../../contracts/option-rules.js'
import { mergedFields } from '../merged-fields.js'
import type { TaskApiOperation } from '../task-api/operation.js'
import { taskApiGenerator } from '../task-api/task-api-generator.js'
import type { TaskApiVideoRequest } from '../task-api/task-api-options.js'
import { ownAddresses } from './own-addresses.js'
import { checkProvider, modelPath, type ProviderGeneratorOptions, providerRules } from './provider-options.js'
import { onlyRatioOf } from './video-frame.js'

/** Options of `replicateGenerator`. */
export interface ReplicateGeneratorOptions extends ProviderGeneratorOptions {
  /**
   * Maps a request to the input of the model, where the model names its fields differently. `providerOptions` are merged into it.
   * @defaultValue `prompt`, `image`, `duration`, `aspect_ratio` (also that of a size), `seed`
   */
  readonly input?: ((request: TaskApiVideoRequest) => object) | undefined
  /**
   * After how many seconds, from 5 (finite), Replicate cancels a prediction that is not over, so that it costs nothing more when no
   * process is left to cancel it. Any other number is refused. @defaultValue none: Replicate's own limit of 30 minutes
   */
  readonly cancelAfterSeconds?: number | undefined
}

const RULES: OptionRules<ReplicateGeneratorOptions> = {
  ...providerRules,
  input: aFunction,
  cancelAfterSeconds: number((value) => value >= 5 && Number.isFinite(value), 'give seconds from 5'),
}

/**
 * Generates with a model of Replicate: `owner/name`, or `owner/name:version`. Replicate has neither a lookup nor idempotency keys,
 * so a submission whose outcome is unknown ends in review. It deletes a video one hour after its end: upload it.
 * Behind a gateway, whose answers name addresses of Replicate, a prediction is polled and cancelled by its id below `baseUrl`.
 *
 * Follows "HTTP API" of replicate.com/docs and "Set deadlines for predictions" (October 2025), read in November 2026.
 *
 * @throws ConfigurationError when an option cannot work, with every problem at once.
 *
 * @example
 * ```ts
 * import { replicateGenerator } from 'sora-pipeline/strategies'
 *
 * const generator = replicateGenerator({
 *   baseUrl: 'https://api.replicate.com/v1',
 *   apiKey: 'your-key',
 *   model: 'bytedance/seedance-1-pro', cancelAfterSeconds: 900,
 * })
 * console.log(generator.name)
 * ```
 */
export function replicateGenerator(given: ReplicateGeneratorOptions): TaskGenerator<TaskApiOperation> {
  const checked = checkProvider('replicateGenerator', given, RULES, 'replicate')
  const { input = plainInput, cancelAfterSeconds, ...options } = checked
  return taskApiGenerator({
    ...options,
    sendsCallback: true,
    create(request, { callbackUrl }) {
      const [model, version] = String(request.model).split(':')
      const webhook = callbackUrl === undefined ? {} : { webhook: callbackUrl, webhook_events_filter: ['completed'] }
      const body = { input: mergedFields(input(request), request.providerOptions), ...webhook }
      const headers = cancelAfterSeconds === undefined ? undefined : { 'cancel-after': `${cancelAfterSeconds}s` }
      if (version !== undefined) return { path: '/predictions', headers, body: { version, ...body } }
      return { path: `/models/${modelPath(model)}/predictions`, headers, body }
    },
    read: ({ text }) => ownAddresses(given.baseUrl, { pollUrl: text('urls.get'), cancelUrl: text('urls.cancel') }),
    poll: { path: ({ id, pollUrl }) => pollUrl ?? `/predictions/${encodeURIComponent(id)}` },
    cancel: { path: ({ id, cancelUrl }) => cancelUrl ?? `/predictions/${encodeURIComponent(id)}/cancel` },
  })
}

function plainInput(request: TaskApiVideoRequest): object {
  const { prompt, image, durationSeconds, seed } = request
  return { prompt, image, duration: durationSeconds, aspect_ratio: onlyRatioOf(request), seed }
}
