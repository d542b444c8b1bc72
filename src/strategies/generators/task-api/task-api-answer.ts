import * as z from 'zod/mini'
import { unknownNames } from '../../../contracts/check-options.js'
import { describeValue, isSoraPipelineError, toErrorJson } from '../../../contracts/errors.js'
import type { JsonObject, JsonValue } from '../../../contracts/json.js'
import { UpstreamResponseError } from '../../../contracts/upstream-errors.js'
import { isRecord } from '../../../upstream/is-record.js'
import { type AnswerPhase, JobAnswer, type JobReader, type JobReading, readJob } from '../answers/job-answer.js'
import { DATA_FIX, operationData } from './operation-data.js'

/** An answer of the API, as `read` gets it. */
export interface TaskApiAnswer {
  /**
   * What it answers: the submission (`create`), a poll, the request for the result of a finished job (`result`), or a
   * request for the list, in which it is one entry (`list`).
   */
  readonly phase: 'create' | 'poll' | 'result' | 'list'
  /** The body, parsed as JSON; `undefined` for any other body. */
  readonly body: JsonValue | undefined
  /** The value at a path such as `output.videos.0.url`; `undefined` if there is none. */
  at(path: string): JsonValue | undefined
  /** The text at a path, also of a number; `undefined` for anything else. */
  text(path: string): string | undefined
}

/**
 * What `read` found in an answer. A field that is `undefined` is read by the tables of synonyms that all generators
 * share, so only what they miss is needed.
 */
export interface TaskApiReading {
  /**
   * Id of the job, a text or a whole number; `null` if the answer has none, for an API whose answers to polls have the id of something else, such as that of the
   * video. Without it, an answer to a poll with another id than that of the job is a missed poll.
   */
  readonly id?: string | number | null | undefined
  /** Word of its state, in any wording. An unknown word means that the job runs. */
  readonly status?: string | undefined
  /** Addresses of the video, the best first. With a list, also an empty one, no other address counts. */
  readonly urls?: readonly string[] | undefined
  /** A percentage, a fraction below 1, or a text such as `45%`. */
  readonly progress?: number | string | undefined
  /** A sentence, or an object with `code` and `message`; `null` if the answer reports no error. */
  readonly error?: JsonValue | undefined
  /** Address for polls. It counts only on the origin of `baseUrl`. */
  readonly pollUrl?: string | undefined
  /**
   * Address of the result of the finished job, in the answer to the submission or to a poll, such as `/v1/files?id=f1`. It counts only
   * on the origin of `baseUrl`; any other gives a warning `foreign-address`.
   */
  readonly resultUrl?: string | undefined
  /** Address that cancels the job. It counts only on the origin of `baseUrl`. */
  readonly cancelUrl?: string | undefined
  /** Prompt of the job, by which a lookup recognises it. */
  readonly prompt?: string | undefined
  /** When the job was created: epoch seconds or milliseconds, or a date. */
  readonly createdAt?: number | string | undefined
  /** Minimum wait before the next poll, in milliseconds from 0. @defaultValue `Retry-After` of the answer */
  readonly pollAfterMs?: number | undefined
  /**
   * In answer to the submission: small data that the handle of the job keeps, as `data` of what `create` returns. Fields of the same
   * name take precedence.
   */
  readonly data?: JsonObject | undefined
}

const LONGEST_TEXT = 200
const words = z.optional(z.string())
const Reading = z.strictObject({
  id: z.nullish(z.union([z.string(), z.int()])),
  status: words,
  urls: z.optional(z.array(z.string())),
  progress: z.optional(z.union([z.number(), z.string()])),
  error: z.optional(z.json()),
  pollUrl: words,
  resultUrl: words,
  cancelUrl: words,
  prompt: words,
  createdAt: z.optional(z.union([z.number(), z.string()])),
  pollAfterMs: z.optional(z.number().check(z.nonnegative())),
  data: z.optional(z.unknown()),
})

const A_TEXT = 'give a text, or leave it out'
const FIXES: Readonly<Record<string, string>> = {
  id: 'give a text or a whole number, null if the answer has none, or leave it out',
  urls: 'give a list of texts, or leave it out',
  progress: 'give a number or a text, or leave it out',
  error: 'give JSON, null for no error, or leave it out',
  createdAt: 'give a number or a text, or leave it out',
  pollAfterMs: 'give milliseconds from 0, or leave it out',
}

/**
 * The reader of answers that completes what `read` found. It throws an `UpstreamResponseError` when `read` throws, or
 * returns another shape: the outcome of a submission is then unknown, and a poll is missed.
 */
export function createJobReader(name: string, read: ((answer: TaskApiAnswer) => unknown) | undefined): JobReader {
  if (read === undefined) return readJob
  return (body, { phase, headers }) => new JobAnswer(body, { headers, reading: readingOf(name, read, body, phase) })
}

function readingOf(
  name: string,
  read: (answer: TaskApiAnswer) => unknown,
  body: unknown,
  phase: AnswerPhase,
): JobReading {
  let given: unknown
  try {
    given = read(answerOf(body, phase))
  } catch (cause) {
    if (isSoraPipelineError(cause)) throw cause
    throw unreadableBy(name, `read() threw ${thrownBy(cause)}`, cause)
  }
  const flaw = flawOfReading(given)
  if (flaw !== undefined) throw unreadableBy(name, `read() is ${flaw.problem} (${flaw.fix})`)
  const { data, id, ...reading } = given as TaskApiReading
  const kept = operationData(data)
  if (kept === undefined) throw unreadableBy(name, `read().data cannot be kept; ${DATA_FIX}`)
  return { ...reading, id: typeof id === 'number' ? String(id) : id, data: kept }
}

/** A thrown value in a message; its text may quote the answer, so it is short. */
export function thrownBy(thrown: unknown): string {
  const { name, message } = toErrorJson(thrown)
  const said = message.length > LONGEST_TEXT ? `${message.slice(0, LONGEST_TEXT)}…` : message
  return said === '' ? name : `${name}: ${said}`
}

/** What is wrong with the result of `read`. */
export interface ReadingFlaw {
  readonly problem: string
  readonly fix: string
  /** Whether it does not depend on the answer. */
  readonly isCertain: boolean
}

/** The flaw of a result of `read`; `undefined` for a usable one. */
export function flawOfReading(given: unknown): ReadingFlaw | undefined {
  if (given instanceof Promise) {
    given.catch(() => undefined) // The promise itself is the flaw.
    return { problem: 'a promise', fix: 'give a function that is not async', isCertain: true }
  }
  const parsed = z.safeParse(Reading, given)
  if (parsed.success) return undefined
  const [issue] = parsed.error.issues
  const [unknown] = issue?.code === 'unrecognized_keys' ? issue.keys : []
  if (unknown !== undefined) {
    const [{ fix } = { fix: '' }] = unknownNames([unknown], Object.keys(Reading.shape))
    return { problem: `an object with ${unknown}, which is unknown`, fix, isCertain: true }
  }
  const [name, ...place] = issue?.path ?? []
  if (name === undefined)
    return { problem: describeValue(given), fix: 'return an object, {} if the tables read all', isCertain: false }
  const value = [name, ...place].reduce<unknown>((part, key) => Object(part)[key], given)
  const field = `${String(name)}${place.map((key) => `[${String(key)}]`).join('')}`
  return {
    problem: `an object whose ${field} is ${describeValue(value)}`,
    fix: FIXES[String(name)] ?? A_TEXT,
    isCertain: false,
  }
}

function unreadableBy(name: string, problem: string, cause?: unknown): UpstreamResponseError {
  const options = cause === undefined ? {} : { cause }
  return new UpstreamResponseError(`Could not read the answer of ${name}: ${problem}`, options)
}

function answerOf(body: unknown, phase: AnswerPhase): TaskApiAnswer {
  const at = (path: string) => valueAt(body, path.split('.')) as JsonValue | undefined
  return {
    phase,
    body: body as JsonValue | undefined,
    at,
    text(path) {
      const value = at(path)
      return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined
    },
  }
}

function valueAt(value: unknown, [name, ...rest]: readonly string[]): unknown {
  if (name === undefined) return value
  const isPart = isRecord(value) || Array.isArray(value)
  return isPart && Object.hasOwn(value, name) ? valueAt(Reflect.get(value, name), rest) : undefined
}
