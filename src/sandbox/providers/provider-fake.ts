import type { JsonObject, JsonValue } from '../../contracts/json.js'
import type { SandboxEndpoint } from '../fault.js'
import { isJsonObject } from '../is-json-object.js'
import type { Reply } from '../reply.js'
import type { ReceivedRequest } from '../route.js'
import type { VideoJob, VideoJobs } from '../video-jobs.js'

/** The providers that the sandbox answers as. */
export type SandboxProviderName = 'fal' | 'replicate' | 'gemini' | 'dashscope' | 'ark' | 'minimax' | 'runway'

/** What the fake of a provider works with. */
export interface ProviderContext {
  readonly jobs: VideoJobs
  /** Public address of the video of a finished job. */
  readonly videoUrl: (id: string) => string | undefined
  /** Its address, such as `http://127.0.0.1:40000/fal`. */
  readonly base: string
}

/** A request with the groups of its path. */
export interface ProviderCall extends ProviderContext {
  readonly request: ReceivedRequest
  /** The first group of the path. */
  readonly id: string
}

/** One operation of a provider. */
export interface ProviderOperation {
  readonly endpoint: SandboxEndpoint
  readonly method: string
  /** Below the address of the fake; its group, if any, is the id or the model. */
  readonly path: RegExp
  readonly handle: (call: ProviderCall) => Reply
}

/** The fake of one provider. */
export interface ProviderFake {
  readonly isAllowed: (headers: Readonly<Record<string, string>>, apiKey: string) => boolean
  readonly refuse: (status: number, message: string) => Reply
  readonly operations: readonly ProviderOperation[]
}

/** The checks of a body by the path of each field. A field that ends in `?` may be missing. */
export type BodyShape = Readonly<Record<string, (value: JsonValue) => boolean>>

export const isText = (value: JsonValue): boolean => typeof value === 'string' && value !== ''
export const isWhole = (value: JsonValue): boolean => Number.isInteger(value)
export const isFlag = (value: JsonValue): boolean => typeof value === 'boolean'
export const isRatio = (value: JsonValue): boolean => /^\d{1,4}:\d{1,4}$/.test(String(value))
export const isImage = (value: JsonValue): boolean => /^https?:\/\/|^data:image\/[\w.+-]+;base64,/.test(String(value))
export const isSound = (value: JsonValue): boolean => /^https?:\/\/|^data:audio\/[\w.+-]+;base64,/.test(String(value))
export const isWholeFrom1 = (value: JsonValue): boolean => isWhole(value) && Number(value) >= 1

/** The problem of a body, in a sentence; `undefined` if it has the fields of the shape and no other. */
export function bodyProblem(body: JsonValue | undefined, shape: BodyShape): string | undefined {
  if (!isJsonObject(body)) return 'Expected a JSON object'
  const known = Object.keys(shape).map((name) => name.replace('?', ''))
  const unknown = Object.keys(body).find((name) => !known.includes(name))
  if (unknown !== undefined) return `Unknown field ${unknown}`
  for (const [name, isRight] of Object.entries(shape)) {
    const value = body[name.replace('?', '')]
    if (value === undefined && name.endsWith('?')) continue
    if (value === undefined || !isRight(value)) return `Invalid value for ${name.replace('?', '')}`
  }
  return undefined
}

/** An object of a body; empty for anything else. */
export function objectIn(value: JsonValue | undefined): JsonObject {
  return isJsonObject(value) ? value : {}
}

/** Creates a job of a small video. */
export function newJob(
  jobs: VideoJobs,
  prompt: JsonValue | undefined,
  model: string,
  seconds: JsonValue = 4,
): VideoJob {
  return jobs.create({ prompt: String(prompt), model, seconds: String(seconds), size: '320x180' })
}
