import { optionProblem } from '../../../contracts/check-options.js'
import type { InputProblem } from '../../../contracts/input-errors.js'
import { isRecord } from '../../../upstream/is-record.js'

/** The parts of a request that `create` returned. */
interface WrittenRequest {
  readonly path: unknown
  readonly headers: unknown
  readonly body: unknown
}

// What JavaScript writes for a value that is missing, or is not a text. JSON can hold `null`, so its name is a text of its own there.
const IN_JSON = /^(?:undefined|NaN|\[object \w+\])$/
const IN_TEXT = /^(?:undefined|null|NaN|\[object \w+\])$/

/**
 * The problems of a request in which a text stands for a value that is missing, such as `undefined` in a form: the API would take it
 * for a value. A text that the video request itself has, such as its prompt, is none.
 */
export function missingValues({ path, headers, body }: WrittenRequest, request: object): readonly InputProblem[] {
  const own = new Set(textsIn('', request, () => true).map(({ value }) => value))
  const written = [
    ...placesIn(path),
    ...textsIn('create().headers', headers, (value) => IN_TEXT.test(value)),
    ...(body instanceof FormData
      ? [...body].map(([name, value]) => ({ field: `create().body.${name}`, value }))
      : textsIn('create().body', body, (value) => IN_JSON.test(value))),
  ]
  return written.flatMap(({ field, value }) => {
    if (typeof value !== 'string' || own.has(value) || !IN_TEXT.test(value)) return []
    const isObject = value.startsWith('[')
    const fix = isObject
      ? 'give a file, or the JSON of the object'
      : 'leave the field out where the request has no value'
    return [optionProblem(field, value, fix)]
  })
}

interface Written {
  readonly field: string
  readonly value: unknown
}

function textsIn(field: string, value: unknown, isMeant: (value: string) => boolean): readonly Written[] {
  if (typeof value === 'string') return isMeant(value) ? [{ field, value }] : []
  if (Array.isArray(value)) return value.flatMap((part, index) => textsIn(`${field}[${index}]`, part, isMeant))
  if (!isRecord(value)) return []
  return Object.entries(value).flatMap(([name, part]) => textsIn(`${field}.${name}`, part, isMeant))
}

function placesIn(path: unknown): readonly Written[] {
  if (typeof path !== 'string') return []
  const [place = '', query = ''] = path.split(/\?(.*)/s)
  const segments = place.split('/').map((part) => ({ field: 'create().path', value: part.replaceAll('%20', ' ') }))
  const values = [...new URLSearchParams(query)].map(([name, value]) => ({ field: `create().path, ${name}`, value }))
  return [...segments, ...values]
}
