import { describeValue } from './errors.js'
import { fitsRatio, parseSize } from './frame-size.js'
import type { InputProblem } from './input-errors.js'
import type { VideoRequest } from './request.js'

/** The problem of a request whose size has another ratio than the one it asks for. */
export function frameConflict({ size, aspectRatio, providerOptions = {} }: VideoRequest): InputProblem | undefined {
  const isOverridden = ['size', 'aspectRatio'].some((field) => Object.hasOwn(providerOptions, field))
  if (size === undefined || aspectRatio === undefined || isOverridden) return undefined
  if (fitsRatio(parseSize(size), aspectRatio)) return undefined
  const fix = `leave it out, or give a size of this ratio instead of ${size}`
  return { field: 'aspectRatio', value: describeValue(aspectRatio), fix }
}

/** The problems of fields that exclude each other, each of them valid alone. */
export function requestConflicts(request: VideoRequest): readonly InputProblem[] {
  const [first, ...others] = (['image', 'video', 'remixOf'] as const).filter((field) => request[field] !== undefined)
  const frame = frameConflict(request)
  return [
    ...(frame === undefined ? [] : [frame]),
    ...others.map((field) => {
      const given = request[field]
      const value = describeValue(typeof given === 'string' && given.startsWith('data:') ? 'data:…' : given)
      return { field, value, fix: `leave it out: ${first} is given, and one video begins with one of them` }
    }),
  ]
}
