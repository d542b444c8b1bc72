import type { JsonValue } from '../../../contracts/json.js'
import type { MediaInput, VideoRequest } from '../../../contracts/request.js'
import { sha256Of } from '../../../contracts/sha256.js'
import { isRecord } from '../../../upstream/is-record.js'
import { fileEvidence, inlineOutput, type VideoOutput } from '../../../upstream/video-output.js'

// Where the video is to be written, in `providerOptions`.
const DESTINATION = /out|result|upload|dest|target|save|store|storage|sink|bucket|callback|webhook/i
const MOST_INPUTS = 20
const DEEPEST = 4
// Of inline media, whose digest has to be quick.
const HEAD = 4_000
const DIGITS = 16

/**
 * Digests of the media in a request that an answer could show as its video: an API may repeat the request, and an input is never the
 * result. Addresses of pictures and sounds by their file names are left out.
 */
export function inputsOf(request: VideoRequest): readonly string[] {
  const { image, lastFrame, references = [], audioInput, video, providerOptions } = request
  const media = [image, lastFrame, ...references, audioInput, video].filter((input) => input !== undefined)
  const keys = [...media.map(keyOfMedia), ...textsIn(providerOptions).map(keyOfText)]
  return [...new Set(keys.filter((key) => key !== undefined).map(digest))].slice(0, MOST_INPUTS)
}

/** Whether an output is an input of the request, by its digests. */
export function isInput(output: VideoOutput, inputs: readonly string[]): boolean {
  // A handle may have been written by hand.
  if (!Array.isArray(inputs) || inputs.length === 0) return false
  const key = output.kind === 'url' ? keyOfAddress(output.url) : keyOfBase64(output.base64)
  return inputs.includes(digest(key))
}

function keyOfMedia(input: MediaInput): string | undefined {
  if (typeof input === 'string') return keyOfText(input)
  const { bytes, mediaType } = input
  if (!/^video\//i.test(mediaType)) return undefined
  const head = Buffer.from(bytes.subarray(0, (HEAD / 4) * 3)).toString('base64')
  return keyOfBase64(head, Math.ceil((bytes.byteLength * 4) / 3))
}

function keyOfText(text: string): string | undefined {
  const inline = inlineOutput(text)
  if (inline !== undefined) return keyOfBase64(inline.base64)
  if (!/^https?:\/\//i.test(text) || !URL.canParse(text) || fileEvidence(new URL(text)) === 0) return undefined
  return keyOfAddress(text)
}

// A file is the same one with another signature in its query.
function keyOfAddress(address: string): string {
  const url = new URL(address)
  url.hash = ''
  return fileEvidence(url) === 3 ? `${url.origin}${url.pathname}` : url.href
}

function keyOfBase64(base64: string, length = base64.replace(/=+$/, '').length): string {
  return `${length}:${base64.slice(0, HEAD).replace(/=+$/, '')}`
}

function digest(key: string): string {
  return sha256Of(key).slice(0, DIGITS)
}

function textsIn(value: JsonValue | undefined, depth = 0): readonly string[] {
  if (typeof value === 'string') return [value]
  if (depth > DEEPEST) return []
  if (Array.isArray(value)) return value.flatMap((entry) => textsIn(entry, depth + 1))
  if (!isRecord(value)) return []
  return Object.entries(value).flatMap(([name, part]) =>
    DESTINATION.test(name) ? [] : textsIn(part as JsonValue, depth + 1),
  )
}
