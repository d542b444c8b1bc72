import type { JsonValue } from '../../contracts/json.js'
import { bodyProblem, isImage, isText, objectIn } from './provider-fake.js'

const ROLES: readonly JsonValue[] = ['first_frame', 'last_frame', 'reference_image']

/** Whether a value is a list of a text and images with their roles, as Ark and MiniMax take it. */
export function isContent(value: JsonValue): boolean {
  if (!Array.isArray(value)) return false
  const texts = value.filter(
    (entry: JsonValue) => bodyProblem(entry, { type: (type) => type === 'text', text: isText }) === undefined,
  )
  const frames = value.filter((entry: JsonValue) => {
    const isFrame = {
      type: (type: JsonValue) => type === 'image_url',
      image_url: isAddress,
      role: (role: JsonValue) => ROLES.includes(role),
    }
    return bodyProblem(entry, isFrame) === undefined
  })
  return texts.length === 1 && texts.length + frames.length === value.length
}

/** The prompt in a content. */
export function promptIn(content: JsonValue | undefined): JsonValue | undefined {
  const entries: readonly JsonValue[] = Array.isArray(content) ? content : []
  return entries.map((entry) => objectIn(entry).text).find((text) => text !== undefined)
}

function isAddress(value: JsonValue): boolean {
  return bodyProblem(value, { url: isImage }) === undefined
}
