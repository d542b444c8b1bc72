import { ConfigurationError, type InputProblem } from '../../../contracts/input-errors.js'
import type { JsonObject, JsonValue } from '../../../contracts/json.js'
import type { PagePlace } from './job-list.js'
import type { TaskApiOperation } from './operation.js'
import { flawOfReading, type TaskApiAnswer, thrownBy } from './task-api-answer.js'

/** The functions of a generator that run only after a submission. */
interface LaterFunctions {
  readonly name: string
  readonly baseUrl: string
  readonly read?: ((answer: TaskApiAnswer) => unknown) | undefined
  /** What `read` is certainly called for. */
  readonly phases: readonly TaskApiAnswer['phase'][]
  /** Each of them throws for a result that cannot be used. */
  readonly ofOperation: readonly ((operation: TaskApiOperation) => unknown)[]
  readonly ofPage: readonly ((page: PagePlace) => unknown)[]
}

// The shapes of ids that APIs give: a function that fails for every one of them would fail for that of a paid job.
const IDS = [
  ...['1', 'job_1', 'task_1', 'video_1', 'gen_1', 'req_1', 'cgt-20261130-1', '0b5c6f2e-8a51-4c7a-9d5e-1f0a2b3c4d5e'],
  ...['models/m/operations/o', 'projects/p/locations/l/operations/o', 'a:b:c', 'a.b.c'],
] as const
const MOST_LOOKS = 1_000
const PAGES: readonly PagePlace[] = [
  { number: 1, after: undefined },
  { number: 2, after: 'job_1' },
]

/**
 * Creates a function that tries the functions of a generator that are otherwise called only for a paid job. Whatever it tries, it
 * refuses only what fails for every answer and every id.
 * @returns a function of the `data` of a submission that throws a ConfigurationError. Functions that get the data are tried for each
 * submission, because the data of one kind of job may be what another kind lacks; the rest until it has passed once.
 */
export function createRehearsal(later: LaterFunctions): (data: JsonObject | undefined) => void {
  let isDone = false
  return (data) => {
    const addresses = (path: string) => new URL(path, later.baseUrl).href
    // What `read` adds to the data is known only with the answer.
    const added = later.read === undefined ? [] : [anyContent(createLooks()) as JsonObject]
    const own = data === undefined || Object.keys(data).length === 0 ? undefined : data
    const bare = [own, ...added].flatMap((known) =>
      IDS.map((id) => ({ id, ...(known !== undefined && { data: known }) })),
    )
    const operations: readonly TaskApiOperation[] = [
      ...bare,
      ...bare.map((operation) => {
        const [pollUrl, resultUrl, cancelUrl] = ['/status/1', '/result/1', '/cancel/1'].map(addresses)
        return { ...operation, pollUrl, resultUrl, cancelUrl } as TaskApiOperation
      }),
    ]
    for (const call of later.ofOperation) throwIfAlwaysFails(operations, call)
    if (isDone) return
    for (const call of later.ofPage) throwIfAlwaysFails(PAGES, call)
    if (later.read !== undefined) for (const phase of later.phases) rehearseRead(later.name, later.read, phase)
    isDone = true
  }
}

function throwIfAlwaysFails<T>(inputs: readonly T[], call: (input: T) => unknown): void {
  let first: unknown
  for (const input of inputs) {
    try {
      call(input)
      return
    } catch (error) {
      first ??= error
    }
  }
  throw first
}

// What `read` does with the content of an answer is known only with the answer. Without having looked at it, the outcome is the same
// for every answer.
function rehearseRead(name: string, read: (answer: TaskApiAnswer) => unknown, phase: TaskApiAnswer['phase']): void {
  let looks = 0
  const limit = createLooks()
  const look = () => {
    looks += 1
    limit()
  }
  const part = anyContent(look)
  const answer: TaskApiAnswer = {
    phase,
    get body() {
      look()
      return part
    },
    at() {
      look()
      return part
    },
    text() {
      look()
      return '1'
    },
  }
  const refuse = (problem: Omit<InputProblem, 'field'>): never => {
    const fix = `${problem.fix}; nothing was sent`
    throw new ConfigurationError(name, [{ ...problem, field: `read() of a ${phase}`, fix }])
  }
  let given: unknown
  try {
    given = read(answer)
  } catch (error) {
    if (looks === 0 || error instanceof ReferenceError)
      refuse({ value: thrownBy(error), fix: 'let it return', hasFailed: true })
    return
  }
  const flaw = flawOfReading(given)
  if (flaw === undefined || (looks > 0 && !flaw.isCertain)) return
  refuse({ value: flaw.problem, fix: flaw.fix })
}

// A loop over all that is there would not end.
function createLooks(): () => void {
  let looks = 0
  return () => {
    looks += 1
    if (looks > MOST_LOOKS) throw new Error('There is always more')
  }
}

// Has every field, can be called and iterated, and is a text and a number.
function anyContent(look: () => void): JsonValue {
  const part: JsonValue = new Proxy(function content() {}, {
    get(_target, key) {
      look()
      if (key === Symbol.toPrimitive) return () => '1'
      return key === Symbol.iterator ? () => [part][Symbol.iterator]() : part
    },
    has: () => true,
    apply(_target, _self, args: unknown[]) {
      look()
      for (const callback of args)
        if (typeof callback === 'function' && (callback as unknown) !== part) callback(part, 0)
      return part
    },
    construct: () => Object(part),
  }) as unknown as JsonValue
  return part
}
