import { InvalidRequestError } from '../../contracts/input-errors.js'
import type { ResolveInput } from '../../contracts/resolver.js'

/**
 * Inserts ids into a template such as `/MP4/{postId}.mp4`: `{postId}` is the id of the publication and `{videoId}`
 * that of the generation, both encoded.
 *
 * @throws InvalidRequestError when the id is missing or cannot be part of a path.
 */
export function fillTemplate(template: string, { video, publication }: ResolveInput): string {
  return template.replace(/\{(postId|videoId)\}/g, (placeholder) => {
    const isPost = placeholder === '{postId}'
    const id = isPost ? publication?.id : video.id
    // Dots alone would leave the directory.
    if (id !== undefined && id !== '' && !/^\.+$/.test(id)) return encodeURIComponent(id)
    const field = isPost ? 'publication' : 'video.id'
    const fix = isPost ? 'publish the video first, or use a path with {videoId}' : 'give the video an id'
    throw new InvalidRequestError([{ field, value: id === undefined ? 'nothing' : JSON.stringify(id), fix }])
  })
}
