import type { OptionRules } from '../../../contracts/check-options.js'
import type { TaskGenerator } from '../../../contracts/generator.js'
import { isRecord } from '../../../upstream/is-record.js'
import { mergedFields } from '../merged-fields.js'
import type { TaskApiOperation } from '../task-api/operation.js'
import { taskApiGenerator } from '../task-api/task-api-generator.js'
import { isOmni, omniRequest, readInteraction } from './gemini-interaction.js'
import { refuseMixedMedia } from './media-content.js'
import { checkProvider, modelPath, type ProviderGeneratorOptions, providerRules } from './provider-options.js'
import { frameOf } from './video-frame.js'

/** Options of `geminiVideoGenerator`. */
export interface GeminiVideoGeneratorOptions extends Omit<ProviderGeneratorOptions, 'imageUrls'> {}

const { imageUrls: _imageUrls, ...RULES } = providerRules satisfies OptionRules<ProviderGeneratorOptions>

/**
 * Generates with Gemini Omni (`gemini-omni-…`, as a background interaction) and Veo (any other model) through the Gemini API. Images
 * are fetched and sent as bytes, because the API takes no address. Both take references in place of an image; Veo takes a last frame
 * too, Omni `remixOf`, the id of a former job to edit. A job of Omni can be cancelled, one of Veo is billed. There is neither a lookup nor an idempotency key, so a
 * submission whose outcome is unknown ends in review. The video lives for two days behind the key: upload it. A job that ends without
 * a video was filtered (`ContentRejectedError`).
 *
 * Follows "Generate videos with Veo in Gemini API" of ai.google.dev/gemini-api/docs/video, the fields of `@google/genai` 1.40.0 for
 * Veo, and the Interactions API as `@google/genai` 3.3.0 declares it, all read in November 2026.
 *
 * @throws ConfigurationError when an option cannot work, with every problem at once.
 *
 * @example
 * ```ts
 * import { geminiVideoGenerator } from 'sora-pipeline/strategies'
 *
 * const generator = geminiVideoGenerator({
 *   baseUrl: 'https://generativelanguage.googleapis.com/v1beta',
 *   apiKey: 'your-key',
 *   model: 'gemini-omni-1.1-flash',
 * })
 * console.log(generator.name)
 * ```
 */
export function geminiVideoGenerator(given: GeminiVideoGeneratorOptions): TaskGenerator<TaskApiOperation> {
  const options = checkProvider('geminiVideoGenerator', given, RULES, 'gemini-video', 'x-goog-api-key')
  return taskApiGenerator({
    ...options,
    authScheme: 'x-goog-api-key',
    imageUrls: 'data-url',
    create(request) {
      if (isOmni(request.model)) return omniRequest(request)
      const { prompt, model, image, lastFrame, references = [], durationSeconds, seed, providerOptions } = request
      refuseMixedMedia({ image, lastFrame, ...(references.length > 0 && { references }) })
      const { resolution, ratio: aspectRatio } = frameOf(request)
      const referenceImages = references.map((url) => ({ image: veoImage(url), referenceType: 'asset' }))
      const instance = {
        prompt,
        ...(image !== undefined && { image: veoImage(image) }),
        ...(lastFrame !== undefined && { lastFrame: veoImage(lastFrame) }),
        ...(references.length > 0 && { referenceImages }),
      }
      const parameters = mergedFields({ aspectRatio, resolution, durationSeconds, seed }, providerOptions)
      return { path: `/models/${modelPath(model)}:predictLongRunning`, body: { instances: [instance], parameters } }
    },
    read(answer) {
      const { at, text } = answer
      if (at('steps') !== undefined || text('id') !== undefined) return readInteraction(answer)
      const isFiltered = at('done') === true && at('error') === undefined && !hasEntries(at('response'))
      return { id: text('name'), ...(isFiltered && { status: 'moderated' }) }
    },
    poll: { path: ({ id }) => (id.includes('/') ? `/${id}` : `/interactions/${encodeURIComponent(id)}`) },
  })
}

function veoImage(dataUrl: string): object {
  const [, mimeType, bytesBase64Encoded] = /^data:([^;,]+);base64,(.*)$/s.exec(dataUrl) ?? []
  return { bytesBase64Encoded, mimeType }
}

// Without a sample it was filtered. The list of them has several names.
function hasEntries(value: unknown): boolean {
  return Array.isArray(value) ? value.some(isRecord) : isRecord(value) && Object.values(value).some(hasEntries)
}
