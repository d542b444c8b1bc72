import { describeValue } from '../../../contracts/errors.js'
import { InvalidRequestError } from '../../../contracts/input-errors.js'
import type { VideoRequest } from '../../../contracts/request.js'
import { frameConflict } from '../../../contracts/request-conflicts.js'
import type { StageContext } from '../../../contracts/stage.js'
import { type RequestField, warnUnsupported } from '../unsupported-field.js'

// Without them the video would be another one than requested. Every other field gives a warning.
const CHANGES_RESULT: ReadonlySet<string> = new Set<RequestField>([
  ...(['image', 'lastFrame', 'references', 'audioInput', 'video', 'remixOf', 'storyboard', 'style'] as const),
])
const NEVER_SENT: ReadonlySet<string> = new Set(['prompt', 'metadata', 'providerOptions'])

/** A copy of an object that keeps which of its fields were read. */
export interface ReadCopy<T> {
  readonly copy: T
  /** Fields that were read by their name. */
  readonly reads: ReadonlySet<string>
  /** Fields that were read only because all were, such as by a spread, a rest pattern or `Object.entries`. */
  readonly listed: ReadonlySet<string>
}

/** A copy of an object, and the names of its fields that were read. */
export function withReads<T extends object>(original: T): ReadCopy<T> {
  const [reads, listed] = [new Set<string>(), new Set<string>()]
  // After its names were listed, an object is read in their order.
  let awaited: readonly string[] = []
  const copy = new Proxy(
    { ...original },
    {
      ownKeys(target) {
        const names = Reflect.ownKeys(target)
        awaited = names.filter((name) => typeof name === 'string')
        return names
      },
      get(target, name, receiver) {
        const place = typeof name === 'string' ? awaited.indexOf(name) : -1
        if (place >= 0) awaited = awaited.slice(place + 1)
        if (typeof name === 'string') (place >= 0 ? listed : reads).add(name)
        return Reflect.get(target, name, receiver)
      },
    },
  )
  return { copy, reads, listed }
}

/**
 * Reports the fields of a request that a submission does not send: with a typed error for those that change the result, and with a
 * warning for others. A size of another ratio than `aspectRatio` is an error as well. A field also counts as sent when `providerOptions` has a key of that name.
 * @throws InvalidRequestError naming every field that changes the result.
 */
export function reportUnsent(
  request: VideoRequest,
  isSent: (field: RequestField) => boolean,
  { name, host, context }: { readonly name: string; readonly host: string; readonly context: StageContext },
): void {
  const { providerOptions = {} } = request
  const asked = Object.keys(request) as (keyof VideoRequest)[]
  const unsent = asked.filter((field): field is RequestField => {
    const isAsked = request[field] !== undefined && !NEVER_SENT.has(field) && !Object.hasOwn(providerOptions, field)
    return isAsked && !isSent(field as RequestField)
  })
  const frame = frameConflict(request)
  const missing = unsent
    .filter((field) => CHANGES_RESULT.has(field))
    .map((field) => {
      const fix = `leave it out: the submission of ${name} to ${host} has no such field; or give it in providerOptions`
      return { field, value: describeValue(request[field]), fix }
    })
  const problems = [...missing, ...(frame === undefined ? [] : [frame])]
  if (problems.length > 0) throw new InvalidRequestError(problems)
  for (const field of unsent) warnUnsupported(context, name, field, `its submission to ${host}`)
}
