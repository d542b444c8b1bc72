import { mergedFields } from '../merged-fields.js'
import type { TaskApiAnswer, TaskApiReading } from '../task-api/task-api-answer.js'
import type { TaskApiVideoRequest } from '../task-api/task-api-options.js'
import type { TaskApiRequest } from '../task-api/task-api-request.js'
import { refuseMixedMedia } from './media-content.js'
import { frameOf } from './video-frame.js'

// Ends that are not named as such: they wait for the client, or used up what was granted.
const ENDS: ReadonlySet<string | undefined> = new Set(['incomplete', 'budget_exceeded', 'requires_action'])

/** Whether a model is one of Gemini Omni, which has the Interactions API alone. */
export function isOmni(model: string | undefined): boolean {
  return /(?:^|\/)gemini-omni/.test(model ?? '')
}

/**
 * The submission of a background interaction. Without `background` the answer takes as long as the video.
 * @throws InvalidRequestError for references beside an image.
 */
export function omniRequest(request: TaskApiVideoRequest): TaskApiRequest {
  const { prompt, model, image, references = [], remixOf, durationSeconds, seed, providerOptions } = request
  refuseMixedMedia({ image, ...(references.length > 0 && { references }) })
  const { resolution, ratio: aspect_ratio } = frameOf(request)
  const images = [...(image === undefined ? [] : [image]), ...references].map(imageContent)
  const task = image !== undefined ? 'image_to_video' : references.length > 0 ? 'reference_to_video' : undefined
  const format = {
    type: 'video',
    delivery: 'uri',
    aspect_ratio,
    resolution: resolution === '2160p' ? '4k' : resolution,
    duration: durationSeconds === undefined ? undefined : `${durationSeconds}s`,
  }
  const body = {
    model,
    input: [...images, { type: 'text', text: prompt }],
    background: true,
    previous_interaction_id: remixOf,
    generation_config: task === undefined && seed === undefined ? undefined : { seed, video_config: task && { task } },
    response_format: format,
  }
  return { path: '/interactions', body: mergedFields(body, providerOptions) }
}

/**
 * What an interaction means. Its steps show the images of the request as well, so only those of the model count. A completed one whose
 * model only wrote a text was filtered.
 */
export function readInteraction({ phase, at, text }: TaskApiAnswer): TaskApiReading {
  const id = text('id')
  const status = text('status')
  const steps = at('steps')
  const outputs = (Array.isArray(steps) ? steps : []).map(Object).filter(({ type }) => type === 'model_output')
  const contents = outputs.flatMap(({ content }: { content?: unknown }) => (Array.isArray(content) ? content : []))
  const uris = [at('output_video'), ...contents]
    .map(Object)
    .filter(({ type, uri }) => type === 'video' && typeof uri === 'string')
    .map(({ uri }: { uri: string }) => mediaUrl(uri))
  const isFiltered = status === 'completed' && uris.length === 0 && outputs.length > 0
  const isEnd = ENDS.has(status)
  return {
    id,
    urls: uris,
    ...((isFiltered || isEnd) && { status: isFiltered ? 'moderated' : uris.length > 0 ? 'completed' : 'failed' }),
    ...(phase === 'create' && id !== undefined && { cancelUrl: `interactions/${encodeURIComponent(id)}/cancel` }),
  }
}

function imageContent(dataUrl: string): object {
  const [, mime_type, data] = /^data:([^;,]+);base64,(.*)$/s.exec(dataUrl) ?? []
  return { type: 'image', mime_type, data }
}

// Without the parameter the address is that of the description of the file.
function mediaUrl(uri: string): string {
  return uri.includes(':download') && !/[?&]alt=/.test(uri) ? `${uri}${uri.includes('?') ? '&' : '?'}alt=media` : uri
}
