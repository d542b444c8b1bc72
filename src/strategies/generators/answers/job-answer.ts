import * as z from 'zod/mini'
import type { JsonObject } from '../../../contracts/json.js'
import { isErrorField } from '../../../upstream/error-meaning.js'
import { isRecord } from '../../../upstream/is-record.js'
import { jsonOf } from '../../../upstream/json-of.js'
import { plainNames } from '../../../upstream/plain-names.js'
import { firstIn, jobIdIn, type Layer, layersOf, otherJobIn, requestIdIn } from './answer-layers.js'
import { numberedState, STATE_FIELDS, stateWordOf } from './job-state.js'
import { progressRatio } from './progress-ratio.js'

// Servers omit unknown fields, write null, or change types: a field that cannot be read is absent.
const text = z.catch(z.optional(z.string()), undefined)
const numeric = z.catch(z.optional(z.coerce.number().check(z.positive())), undefined)

const JobFacts = z.looseObject({
  object: text,
  model: text,
  size: text,
  seconds: numeric,
  duration: numeric,
  width: numeric,
  height: numeric,
  expires_at: z.catch(z.optional(z.union([z.number(), z.string()])), undefined),
  usage: z.catch(z.optional(z.record(z.string(), z.json())), undefined),
})

const POLL_ADDRESSES = ['polling_url', 'poll_url', 'status_url'] as const
const PROGRESS = [
  'progress',
  'percent',
  'percentage',
  'progress_percent',
  'progress_percentage',
  'task_progress',
  'generation_progress',
  'video_progress',
  'status_percentage',
  'percent_complete',
  'completion_percentage',
  'completion',
] as const
// From 0 to 1, as on the servers of Sora.
const RATIOS = ['progress_pct', 'progress_ratio'] as const
// Sent by servers without a word for the state.
const ENDS = ['done', 'is_done', 'finished', 'is_finished', 'completed', 'is_completed'] as const
// Fields in which a server repeats the request.
const REQUESTS = ['input', 'inputs', 'request', 'params', 'parameters', 'param', 'payload', 'body', 'args'] as const
const REQUESTS_OF_JOB = ['request_params', 'request_body', 'input_params', 'task_input', 'original_request'] as const
const MOST_REQUESTS = 2
const CREATED = ['created_at', 'created', 'create_time', 'created_time', 'submit_time'] as const

/** The headers of an answer that identify its job, for a body that does not. */
export interface JobHeaders {
  readonly id: string
  readonly pollAddress: string
}

/** What a reader of its own found in an answer; the default reading completes it. */
export interface JobReading {
  /** `null` reports that there is no id of a job, whatever the answer contains. */
  readonly id?: string | null | undefined
  readonly status?: string | undefined
  readonly progress?: number | string | undefined
  /** `null` reports that there is no error, whatever the answer contains. */
  readonly error?: unknown
  /** Addresses of the video. With a list, also an empty one, no other address counts. */
  readonly urls?: readonly string[] | undefined
  readonly pollUrl?: string | undefined
  readonly resultUrl?: string | undefined
  readonly cancelUrl?: string | undefined
  readonly prompt?: string | undefined
  readonly createdAt?: number | string | undefined
  readonly pollAfterMs?: number | undefined
  /** What is kept with an accepted job. */
  readonly data?: JsonObject | undefined
}

/** The answer of a server about a job. A field is read when it is needed: a poll needs few. */
export class JobAnswer {
  /** The whole answer. */
  readonly body: unknown
  readonly layers: readonly Layer[]
  readonly reading: JobReading | undefined
  readonly #headers: JobHeaders | undefined
  #facts: z.output<typeof JobFacts> | undefined

  constructor(
    body: unknown,
    { headers, reading }: { readonly headers?: JobHeaders | undefined; readonly reading?: JobReading | undefined } = {},
  ) {
    this.body = body
    this.layers = reading === undefined ? layersOf(body) : readLayers(body, reading)
    this.reading = reading
    this.#headers = headers
  }

  /** The part of the answer that may contain addresses of the video. */
  get outputs(): unknown {
    return this.reading?.urls === undefined ? this.body : { videos: this.reading.urls }
  }

  get id(): string | undefined {
    return (this.reading?.id === null ? undefined : jobIdIn(this.layers)) ?? this.#headers?.id
  }

  /** The id of its job, if that is another one than the requested job. */
  otherThan(id: string): string | undefined {
    return this.reading?.id === null ? undefined : otherJobIn(this.layers, id)
  }

  /** The id of the request; that of the job if there is no other. */
  get requestId(): string | undefined {
    return this.reading?.id === null ? undefined : requestIdIn(this.layers)
  }

  /** The word of its state as it was written. */
  get state(): string | undefined {
    const { layers } = this
    return firstIn(layers, STATE_FIELDS, stateWordOf) ?? firstIn(layers, ENDS, endOf) ?? numberedState(layers)
  }

  /** 0 to 1. */
  get ratio(): number | undefined {
    return firstIn(this.layers, PROGRESS, progressRatio) ?? firstIn(this.layers, RATIOS, ratioOf)
  }

  /** The address for polls, as it was written. */
  get pollAddress(): string | undefined {
    return this.reading?.pollUrl ?? firstIn(this.layers, POLL_ADDRESSES, textOf) ?? this.#headers?.pollAddress
  }

  /** The prompt, and what other fields have as one, such as `input.prompt`: a server may show a rewritten one first. */
  get prompts(): readonly string[] {
    const own = this.reading?.prompt
    return own === undefined ? promptsIn(this.layers) : [own]
  }

  get createdAt(): unknown {
    return this.reading?.createdAt ?? firstIn(this.layers, CREATED, (value) => value ?? undefined)
  }

  /** What is needed only when the job is over. */
  get facts(): z.output<typeof JobFacts> {
    this.#facts ??= JobFacts.parse(Object.assign({}, ...this.layers.toReversed()))
    return this.#facts
  }
}

/** What an answer is about: the submission, a poll, the result of a finished job, or an entry of a list. */
export type AnswerPhase = 'create' | 'poll' | 'result' | 'list'

/** Reads the answers of one server. */
export type JobReader = (
  body: unknown,
  about: { readonly phase: AnswerPhase; readonly headers?: JobHeaders | undefined },
) => JobAnswer

/** Reads a job; every field is absent for an answer that is not an object. */
export function readJob(body: unknown, about: { readonly headers?: JobHeaders | undefined } = {}): JobAnswer {
  return new JobAnswer(body, about)
}

/** Reads an error answer, which may be of a shape that its reader does not know; its status counts then. */
export function readIfPossible(read: JobReader, body: unknown, phase: AnswerPhase): JobAnswer | undefined {
  try {
    return read(body, { phase })
  } catch {
    return undefined // The error of the status is more useful.
  }
}

/** An instant as epoch milliseconds, from seconds, milliseconds or a date; `undefined` for anything else. */
export function instantOf(value: unknown): number | undefined {
  const instant = typeof value === 'string' ? (/^\d+$/.test(value) ? Number(value) : Date.parse(value)) : value
  if (typeof instant !== 'number' || !Number.isFinite(instant) || instant <= 0) return undefined
  // Values above the year 33658 in seconds count milliseconds.
  return typeof value === 'string' && !/^\d+$/.test(value) ? instant : instant > 1e12 ? instant : instant * 1000
}

// The reading comes first, so that it wins over the rest of the answer.
function readLayers(body: unknown, { id, status, progress, error }: JobReading): readonly Layer[] {
  const own = Object.entries({ id: id ?? undefined, status, progress, error: error ?? undefined })
  const rest = error === null ? layersOf(body).map(withoutError) : layersOf(body)
  return [Object.fromEntries(own.filter(([, value]) => value !== undefined)), ...rest]
}

function withoutError(layer: Layer): Layer {
  return Object.fromEntries(Object.entries(layer).filter(([name]) => !isErrorField(name)))
}

function promptsIn(layers: readonly Layer[], depth = 0): readonly string[] {
  const own = layers.flatMap((layer) => (Object.hasOwn(layer, 'prompt') ? (textOf(layer.prompt) ?? []) : []))
  if (depth >= MOST_REQUESTS) return own
  const names = [...REQUESTS, ...REQUESTS_OF_JOB]
  const requests = layers
    .flatMap((layer) => names.map((name) => requestIn(layer[name])))
    .filter((each) => each !== undefined)
  return requests.length === 0 ? own : [...own, ...promptsIn(requests, depth + 1)]
}

// Some servers repeat the request as a text of JSON.
function requestIn(value: unknown): Layer | undefined {
  const request = typeof value === 'string' && /^\s*\{/.test(value) ? plainNames(jsonOf(value)) : value
  return isRecord(request) ? request : undefined
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

function ratioOf(value: unknown): number | undefined {
  const ratio = typeof value === 'string' && value.trim() !== '' ? Number(value) : value
  // Above 1 it can only be a percentage.
  return typeof ratio === 'number' && ratio >= 0 && ratio <= 1 ? ratio : progressRatio(value)
}

function endOf(value: unknown): string | undefined {
  if (typeof value !== 'boolean') return undefined
  return value ? 'done' : 'running'
}
