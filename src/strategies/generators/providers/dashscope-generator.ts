import type { TaskGenerator } from '../../../contracts/generator.js'
import { maskOf } from '../../../upstream/secret.js'
import { jobFailure } from '../answers/job-failure.js'
import type { TaskApiOperation } from '../task-api/operation.js'
import { createPollStreaks } from '../task-api/poll-streaks.js'
import { taskApiGenerator } from '../task-api/task-api-generator.js'
import { dashscopeBody } from './dashscope-body.js'
import { checkProvider, type ProviderGeneratorOptions, providerRules } from './provider-options.js'

/** Options of `dashscopeGenerator`. */
export interface DashscopeGeneratorOptions extends ProviderGeneratorOptions {}

// The status of a task that is gone, and for a moment of one that was just accepted.
const GONE = 'UNKNOWN'
const GONE_LIMIT = { polls: 3, spanMs: 60_000 }
const LIFETIME_MS = 24 * 3_600_000

/**
 * Generates with Wan at DashScope (Alibaba Cloud Model Studio). The default address is that of Singapore; key, model and address
 * belong to one region. Only a task in line can be cancelled. There is neither a lookup nor an idempotency key, so a submission whose
 * outcome is unknown ends in review. A task and its video live for 24 hours: a task that is gone has the status `UNKNOWN`, as for a
 * moment has one that was just accepted. It is an end (`GenerationFailedError`) after three polls in a row over at least a minute,
 * which are counted again after a restart, or 24 hours after the submission. A sound is given as an address, from Wan 2.5 on. Models
 * up to Wan 2.6 take neither a last frame nor references, and get a ratio as a size; in Wan 3.0 references and a sound exclude a first
 * and a last frame.
 *
 * Follows "Wan image-to-video API reference" (April 2026), "Wan3.0 video generation API reference" (October 2026) and "Asynchronous
 * task management API" (October 2026) of alibabacloud.com/help/model-studio, read in November 2026.
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
  const generator = taskApiGenerator({
    ...options,
    create: (request) => ({
      path: '/services/aigc/video-generation/video-synthesis',
      headers: { 'x-dashscope-async': 'enable' },
      body: dashscopeBody(request),
    }),
    read: ({ text }) => ({ id: text('output.task_id'), status: text('output.task_status') }),
    poll: { path: ({ id }) => `/tasks/${encodeURIComponent(id)}` },
    cancel: { path: ({ id }) => `/tasks/${encodeURIComponent(id)}/cancel` },
  })
  const streaks = createPollStreaks()
  return {
    ...generator,
    async start(request, context) {
      const started = await generator.start(request, context)
      const data = { ...started.operation.data, submittedAt: context.clock.now() }
      return { ...started, operation: { ...started.operation, data } }
    },
    async poll(operation, context) {
      const status = await generator.poll(operation, context)
      const { id, data } = operation
      if (status.state !== 'running' || status.phase !== GONE) {
        streaks.clear(id)
        return status
      }
      const isOver = context.clock.now() - Number(data?.submittedAt ?? Number.NaN) >= LIFETIME_MS
      const isGone = streaks.add(id, context.clock.monotonic(), GONE_LIMIT) || isOver
      if (!isGone) return status
      const error = jobFailure({ id, layers: [{ code: GONE }], state: 'expired', mask: maskOf([]) })
      return { state: 'failed', error }
    },
  }
}
