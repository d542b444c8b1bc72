import { describeValue } from '../contracts/errors.js'
import { isJson } from '../contracts/is-json.js'
import { fieldOf, lengthOf } from '../contracts/thrown-value.js'

const STATES = ['queued', 'running', 'completed', 'failed']
const URL_FIX = 'give an absolute http or https address'

// A custom strategy may resolve with any value. Each flaw names the field, its value and the fix; `undefined` means no flaw.
// Reading never throws.

/** The flaw of a generated video. */
export function flawOfVideo(video: unknown, path = ''): string | undefined {
  if (!isRecord(video)) return flaw(path, video, 'give { id, url } or { id, source }')
  const { at, read } = fieldsOf(video, path)
  const id = read('id')
  if (!isName(id)) return flaw(at('id'), id, "give the upstream's id of the video as text")
  const url = read('url')
  if (url !== undefined) return isWebUrl(url) ? undefined : flaw(at('url'), url, URL_FIX)
  const source = read('source')
  if (source === undefined) return `${at('url')} and ${at('source')} are missing; give url, or source with open()`
  return typeof fieldOf(source, 'open') === 'function'
    ? undefined
    : flaw(at('source'), source, 'give a VideoSource with open(), or url')
}

/** The flaw of a publication. */
export function flawOfPublication(publication: unknown): string | undefined {
  if (!isRecord(publication)) return flaw('', publication, 'give { id }')
  const id = fieldOf(publication, 'id')
  return isName(id) ? undefined : flaw('id', id, 'give the id of the post as text')
}

/** The flaw of a resolved or uploaded video. */
export function flawOfPlace(place: unknown): string | undefined {
  if (!isRecord(place)) return flaw('', place, 'give { url }')
  const url = fieldOf(place, 'url')
  return isWebUrl(url) ? undefined : flaw('url', url, URL_FIX)
}

/** The flaw of the status of a job. */
export function flawOfStatus(status: unknown, path = ''): string | undefined {
  const states = `${STATES.slice(0, -1).join(', ')} or ${STATES.at(-1)}`
  if (!isRecord(status)) return flaw(path, status, `give { state } with ${states}`)
  const { at, read } = fieldsOf(status, path)
  const state = read('state')
  if (!STATES.includes(state as string)) return flaw(at('state'), state, `give ${states}`)
  if (state === 'completed') return flawOfVideo(read('video'), at('video'))
  const error = read('error')
  const isFlawed = state === 'failed' && (error === undefined || error === null)
  return isFlawed ? flaw(at('error'), error, 'give an error of the library, such as GenerationFailedError') : undefined
}

/** The flaw of the operation of a started job. `null` is JSON. */
export function flawOfOperation(started: unknown): string | undefined {
  const fix = 'give { operation } with the JSON that poll() takes'
  if (!isRecord(started)) return flaw('', started, fix)
  const operation = fieldOf(started, 'operation')
  if (operation === undefined) return flaw('operation', operation, fix)
  return isJson(operation) ? undefined : flaw('operation', operation, `${fix}: it cannot be saved`)
}

/** The flaw of the operations of a lookup. */
export function flawOfFound(found: unknown): string | undefined {
  const length = lengthOf(found)
  if (length === undefined) return flaw('', found, 'give an array of operations')
  for (let index = 0; index < length; index += 1) {
    const operation = fieldOf(found, index)
    if (!isJson(operation)) return flaw(`[${index}]`, operation, 'give operations as JSON')
  }
  return undefined
}

function flaw(field: string, value: unknown, fix: string): string {
  return `${field === '' ? 'it' : field} is ${describeValue(value)}; ${fix}`
}

function fieldsOf(value: object, path: string) {
  return {
    at: (field: string) => (path === '' ? field : `${path}.${field}`),
    read: (field: string) => fieldOf(value, field),
  }
}

function isRecord(value: unknown): value is object {
  return typeof value === 'object' && value !== null && lengthOf(value) === undefined
}

function isName(value: unknown): boolean {
  return typeof value === 'string' && value !== ''
}

function isWebUrl(url: unknown): boolean {
  if (typeof url !== 'string' || !URL.canParse(url)) return false
  // The usual spelling needs no second parse.
  return /^https?:\/\//i.test(url) || /^https?:$/.test(new URL(url).protocol)
}
