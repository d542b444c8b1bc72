import type { TaskApiVideoRequest } from '../task-api/task-api-options.js'

/** The images of a request as entries of `content`, as Ark and MiniMax take them. */
export function imagesOf({ image, lastFrame, references = [] }: TaskApiVideoRequest): readonly object[] {
  const frames = [
    { url: image, role: 'first_frame' },
    { url: lastFrame, role: 'last_frame' },
    ...references.map((url) => ({ url, role: 'reference_image' })),
  ]
  return frames
    .filter(({ url }) => url !== undefined)
    .map(({ url, role }) => ({ type: 'image_url', image_url: { url }, role }))
}
