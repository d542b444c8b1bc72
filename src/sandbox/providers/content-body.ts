import type { JsonValue } from '../../contracts/json.js'
import { type BodyShape, bodyProblem, isImage, isSound, isText, objectIn } from './provider-fake.js'

const ROLES: readonly JsonValue[] = ['first_frame', 'last_frame', 'reference_image']

/**
 * Whether a value is a list of a text and media with their roles, as Ark and MiniMax take it: frames, or references and sounds.
 */
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
  const sounds = value.filter((entry: JsonValue) => bodyProblem(entry, SOUND) === undefined)
  const roles = value.map((entry: JsonValue) => String(objectIn(entry).role ?? ''))
  const isMixed = ['reference_', '_frame'].every((kind) => roles.some((role) => role.includes(kind)))
  return texts.length === 1 && texts.length + frames.length + sounds.length === value.length && !isMixed
}

const SOUND: BodyShape = {
  type: (type) => type === 'audio_url',
  audio_url: (value) => bodyProblem(value, { url: isSound }) === undefined,
  role: (role) => role === 'reference_audio',
}

/** The prompt in a content. */
export function promptIn(content: JsonValue | undefined): JsonValue | undefined {
  const entries: readonly JsonValue[] = Array.isArray(content) ? content : []
  return entries.map((entry) => objectIn(entry).text).find((text) => text !== undefined)
}

function isAddress(value: JsonValue): boolean {
  return bodyProblem(value, { url: isImage }) === undefined
}
