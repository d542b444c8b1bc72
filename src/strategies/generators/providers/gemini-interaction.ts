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
 * model only wrote texts was filtered.
 */
export function readInteraction({ phase, at, text }: TaskApiAnswer): TaskApiReading {
  const id = text('id')
  const status = text('status')
  const steps = listOf(at('steps')).filter(({ type }) => type === 'model_output')
  const contents = [...steps.flatMap(({ content }) => listOf(content)), ...listOf(at('outputs'))]
  const urls = [{ type: 'video', ...Object(at('output_video')) }, ...contents].flatMap(videoUrl)
  const isFiltered = status === 'completed' && urls.length === 0 && contents.length > 0 && contents.every(isWriting)
  const isEnd = ENDS.has(status)
  return {
    id,
    urls,
    ...((isFiltered || isEnd) && { status: isFiltered ? 'moderated' : urls.length > 0 ? 'completed' : 'failed' }),
    ...(phase === 'create' && id !== undefined && { cancelUrl: `interactions/${encodeURIComponent(id)}/cancel` }),
  }
}

type Part = Readonly<Record<string, unknown>>

function listOf(value: unknown): readonly Part[] {
  return Array.isArray(value) ? value.map(Object) : []
}

function isWriting({ type }: Part): boolean {
  return type === 'text' || type === 'thought'
}

// A small video comes as bytes, also where an address was asked for.
function videoUrl({ type, uri, data, mime_type = 'video/mp4' }: Part): readonly string[] {
  if (type !== 'video') return []
  if (typeof uri === 'string') return [mediaUrl(uri)]
  return typeof data === 'string' ? [`data:${mime_type};base64,${data}`] : []
}

function imageContent(dataUrl: string): object {
  const [, mime_type, data] = /^data:([^;,]+);base64,(.*)$/s.exec(dataUrl) ?? []
  return { type: 'image', mime_type, data }
}

// Without the parameter the address is that of the description of the file.
function mediaUrl(uri: string): string {
  return uri.includes(':download') && !/[?&]alt=/.test(uri) ? `${uri}${uri.includes('?') ? '&' : '?'}alt=media` : uri
}
