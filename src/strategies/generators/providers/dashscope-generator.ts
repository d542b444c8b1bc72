import type { TaskGenerator } from '../../../contracts/generator.js'
import type { TaskApiOperation } from '../task-api/operation.js'
import { taskApiGenerator } from '../task-api/task-api-generator.js'
import type { TaskApiVideoRequest } from '../task-api/task-api-options.js'
import { checkProvider, type ProviderGeneratorOptions, providerRules } from './provider-options.js'
import { frameOf } from './video-frame.js'

/** Options of `dashscopeGenerator`. */
export interface DashscopeGeneratorOptions extends ProviderGeneratorOptions {}

// Models up to Wan 2.6 take a size in pixels and the image as `img_url`.
const FORMER_MODEL = /^wan(?:x|2\.[0-6])/

/**
 * Generates with Wan at DashScope (Alibaba Cloud Model Studio). The default address is that of Singapore; key, model and address
 * belong to one region. Only a task in line can be cancelled. There is neither a lookup nor an idempotency key, so a submission whose
 * outcome is unknown ends in review. A task and its video live for 24 hours: a task that is gone has the status `UNKNOWN`, which is an
 * end (`GenerationFailedError`).
 *
 * Follows "Wan image-to-video API reference" (April 2026) and "Asynchronous task management API" (October 2026) of
 * alibabacloud.com/help/model-studio, read in November 2026.
 *
 * @throws ConfigurationError when an option cannot work, with every problem at once.
 *
 * @example
 * ```ts
 * import { dashscopeGenerator } from 'sora-pipeline/strategies'
 *
 * const generator = dashscopeGenerator({
 *   baseUrl: 'https://dashscope-intl.aliyuncs.com/api/v1',
 *   apiKey: 'your-key',
 *   model: 'wan3.0-video',
 * })
 * console.log(generator.name)
 * ```
 */
export function dashscopeGenerator(given: DashscopeGeneratorOptions): TaskGenerator<TaskApiOperation> {
  const options = checkProvider('dashscopeGenerator', given, providerRules, 'dashscope')
  return taskApiGenerator({
    ...options,
    create: (request) => ({
      path: '/services/aigc/video-generation/video-synthesis',
      headers: { 'x-dashscope-async': 'enable' },
      body: bodyOf(request),
    }),
    read: ({ phase, text }) => ({
      id: text('output.task_id'),
      status: phase === 'poll' && text('output.task_status') === 'UNKNOWN' ? 'expired' : text('output.task_status'),
    }),
    poll: { path: ({ id }) => `/tasks/${encodeURIComponent(id)}` },
    cancel: { path: ({ id }) => `/tasks/${encodeURIComponent(id)}/cancel` },
  })
}

function bodyOf(request: TaskApiVideoRequest): object {
  const { prompt, model = '', image, durationSeconds: duration, seed, providerOptions } = request
  const isFormer = FORMER_MODEL.test(model)
  const media =
    image === undefined ? {} : isFormer ? { img_url: image } : { media: [{ type: 'first_frame', url: image }] }
  const { resolution, ratio } = isFormer ? { resolution: undefined, ratio: undefined } : frameOf(request)
  const frame = isFormer ? { size: request.size?.replace('x', '*') } : { resolution: resolution?.toUpperCase(), ratio }
  return { model, input: { prompt, ...media }, parameters: { ...frame, duration, seed, ...providerOptions } }
}
