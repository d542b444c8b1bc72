import type { OptionRules } from '../../../contracts/check-options.js'
import type { TaskGenerator } from '../../../contracts/generator.js'
import type { TaskApiOperation } from '../task-api/operation.js'
import { serviceRules, type TaskServiceOptions } from '../task-api/service-options.js'
import { taskApiGenerator } from '../task-api/task-api-generator.js'
import { mediaContent } from './media-content.js'
import { checkProvider, type ProviderGeneratorOptions, providerRules } from './provider-options.js'
import { frameOf } from './video-frame.js'

/** Options of `minimaxGenerator`. */
export interface MinimaxGeneratorOptions extends ProviderGeneratorOptions, Pick<TaskServiceOptions, 'settleMs'> {}

const RULES: OptionRules<MinimaxGeneratorOptions> = { ...providerRules, settleMs: serviceRules.settleMs }

/**
 * Generates with MiniMax H3 (video generation V2). A submission whose outcome is unknown is searched for in the list of tasks, by its
 * prompt and time; a list without prompts proves nothing, and the run ends in review. Only a task that is not over is cancelled: the
 * same request deletes one that is. The address of a video is renewed by each poll. A size becomes `768P` or `2K`; a
 * request without a length asks for 6 seconds. References and a sound exclude a first and a last frame.
 *
 * Follows "Create Video Generation Task", "Query Task", "List Tasks" and "Cancel or delete task" of
 * platform.minimax.io/docs/api-reference (V2), read in November 2026.
 *
 * @throws ConfigurationError when an option cannot work, with every problem at once.
 *
 * @example
 * ```ts
 * import { minimaxGenerator } from 'sora-pipeline/strategies'
 *
 * const generator = minimaxGenerator({
 *   baseUrl: 'https://api.minimax.io',
 *   apiKey: 'your-key',
 *   model: 'MiniMax-H3',
 * })
 * console.log(generator.name)
 * ```
 */
export function minimaxGenerator(given: MinimaxGeneratorOptions): TaskGenerator<TaskApiOperation> {
  const options = checkProvider('minimaxGenerator', given, RULES, 'minimax')
  return taskApiGenerator({
    ...options,
    create(request) {
      const { prompt, model, image, durationSeconds = 6 } = request
      const { resolution = '768p', ratio = image === undefined ? '16:9' : 'adaptive' } = frameOf(request)
      const content = [{ type: 'text', text: prompt }, ...mediaContent(request)]
      const isLarge = Number.parseInt(resolution, 10) > 768
      return {
        path: '/v2/video_generation',
        body: { model, content, duration: durationSeconds, resolution: isLarge ? '2K' : '768P', ratio },
      }
    },
    poll: { path: ({ id }) => `/v2/query/video_generation/${encodeURIComponent(id)}` },
    cancel: { method: 'DELETE', path: ({ id }) => `/v2/video_generation/${encodeURIComponent(id)}` },
    find: { path: ({ number }) => `/v2/query/video_generation?page_num=${number}&page_size=100` },
  })
}
