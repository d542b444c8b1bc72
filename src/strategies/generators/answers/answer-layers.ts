import { isErrorField } from '../../../upstream/error-meaning.js'
import { isRecord } from '../../../upstream/is-record.js'
import { jsonOf } from '../../../upstream/json-of.js'
import { plainNames } from '../../../upstream/plain-names.js'
import { isState, jobStateOf, STATE_FIELDS, stateWordOf } from './job-state.js'

/** A JSON object of an answer. */
export type Layer = Readonly<Record<string, unknown>>

// Envelopes in which servers put the job.
const ENVELOPES = ['data', 'result', 'output', 'task', 'job', 'response', 'payload', 'video', 'generation'] as const
const IDS = [
  'id',
  'task_id',
  'video_id',
  'job_id',
  'generation_id',
  'prediction_id',
  'operation_id',
  'uuid',
  'task_uuid',
  'job_uuid',
  'taskid',
  'jobid',
  'videoid',
  'render_id',
  'inference_id',
  'prompt_id',
  'generate_id',
  'queue_id',
  'ticket_id',
  'invocation_arn',
] as const
// Fields whose whole value is the id, as in midjourney-proxy.
const BARE_IDS = ['data', 'result', 'task', 'job', 'output'] as const
// Fields that do not describe a job.
const OTHER_ID =
  /(?:^|_)(?:user|owner|account|org\w*|tenant|team|client|customer|app|project|workspace|model|request|req|trace|span|log|session|parent|group|voice|preset|template|style|image|file|asset|webhook|key|conversation|message|response|external|correlation|event)_(?:uu)?id$/
// Ids of a request: used as the job's id only if it has no other.
const WEAK_IDS = ['request_id'] as const
// Fields beside the job that report the outcome of the request.
const OUTCOMES = ['base_resp', 'response_metadata'] as const
const LISTS = ['data', 'tasks', 'jobs', 'items', 'results'] as const
const NESTED_LISTS = ['list', 'tasks', 'jobs', 'items', 'records', 'data'] as const
const MOST_ENTRIES = 1_000
// Fields in which the parts of one job report their states.
const PARTS = ['generations', 'videos', 'results', 'outputs', 'items', 'works', 'creations', 'samples'] as const
const LOST: ReadonlySet<string> = new Set(['failed', 'moderated', 'cancelled', 'expired'])
const MOST_LAYERS = 4

/**
 * The objects of an answer that describe the job, the innermost first, with field names in one spelling. Envelopes
 * such as `data`, `output`, `result`, `task` and `data.data` are opened if their content has an id or a state that
 * the outer object lacks; so is an object that contains nothing but another object. The outcome of the request comes
 * last.
 */
export function layersOf(body: unknown): readonly Layer[] {
  const layers: Layer[] = []
  let layer = recordIn(plainNames(body))
  while (layer !== undefined && layers.length < MOST_LAYERS) {
    layers.unshift(layer)
    layer = inner(layer)
  }
  const lost = layers.some(hasState) ? undefined : lostPart(layers)
  if (lost !== undefined) layers.unshift(lost)
  const outcomes = layers.flatMap((each) => OUTCOMES.map((name) => recordIn(each[name])))
  return [...layers, ...outcomes.filter((outcome) => outcome !== undefined)]
}

/**
 * The job with a given id, if an answer lists several; otherwise the answer itself.
 * @returns `undefined` for a list without that job.
 */
export function entryOf(body: unknown, id: string): unknown {
  const nested = isRecord(body)
    ? Object.values(body)
        .filter(isRecord)
        .flatMap((part) => listsOf(part))
    : []
  const own = nested.filter(isRecord).find((entry) => hasIdOf(entry, id) && isJob(plainNames(entry) as Layer))
  if (own !== undefined) return own
  const list = listIn(body)
  if (
    list === undefined ||
    list.length < 2 ||
    !list.every((entry) => isRecord(entry) && isJob(plainNames(entry) as Layer))
  )
    return body
  return list.find((entry) => hasIdOf(entry, id))
}

function hasIdOf(entry: unknown, id: string): boolean {
  const layer = plainNames(entry) as Layer
  return IDS.some((name) => idOf(layer[name]) === id)
}

// Lists of jobs inside an envelope; other lists there may be the files of one job.
function listsOf(part: Layer): readonly unknown[] {
  return NESTED_LISTS.flatMap((name) => {
    const list = part[name]
    return Array.isArray(list) && list.length > 1 ? list.slice(0, MOST_ENTRIES) : []
  })
}

// A part of a job without its own state whose parts have all failed; without its id, which is not that of the job.
function lostPart(layers: readonly Layer[]): Layer | undefined {
  const lists = layers.flatMap((layer) => PARTS.map((name) => layer[name]))
  const parts = lists.find((list): list is Layer[] => Array.isArray(list) && list.length > 0 && list.every(isRecord))
  const isLost = (part: Layer) => LOST.has(jobStateOf(firstIn([part], STATE_FIELDS, stateWordOf) ?? ''))
  const [first] = parts?.every(isLost) ? parts : []
  return first && Object.fromEntries(Object.entries(first).filter(([name]) => !IDS.some((id) => id === name)))
}

function listIn(body: unknown): readonly unknown[] | undefined {
  if (Array.isArray(body)) return body
  if (!isRecord(body)) return undefined
  return LISTS.map((name) => body[name]).find((value) => Array.isArray(value))
}

/** The first value under one of several names, from the innermost layer out. */
export function firstIn<T>(
  layers: readonly Layer[],
  names: readonly string[],
  read: (value: unknown) => T | undefined,
): T | undefined {
  for (const layer of layers) {
    for (const name of names) {
      const value = Object.hasOwn(layer, name) ? read(layer[name]) : undefined
      if (value !== undefined) return value
    }
  }
  return undefined
}

/** The id of the job, under any of its names. */
export function jobIdIn(layers: readonly Layer[]): string | undefined {
  return firstIn(layers, IDS, idOf) ?? operationName(layers) ?? firstIn(layers, BARE_IDS, bareIdOf) ?? onlyId(layers)
}

// An id under a name that is not in the table, if it is the only one.
function onlyId(layers: readonly Layer[]): string | undefined {
  const names = layers.flatMap((layer) => Object.keys(layer)).filter((name) => /_(?:uu)?id$/.test(name))
  const [only, ...more] = names.filter((name) => !OTHER_ID.test(name))
  if (only === undefined || more.length > 0) return undefined
  return firstIn(layers, [only], (value) => (/^[\w.:-]{4,128}$/.test(String(value)) ? idOf(value) : undefined))
}

/** The id of the request, which some servers give instead of a job id. */
export function requestIdIn(layers: readonly Layer[]): string | undefined {
  return firstIn(layers, WEAK_IDS, idOf)
}

/**
 * The id of the job in an answer about a different job than the requested one; `undefined` in any other. The id of an object without a state may be that
 * of a file, and a number beside a text that of a row; gateways put the id of the server behind them into their own.
 */
export function otherJobIn(layers: readonly Layer[], id: string): string | undefined {
  const isNumber = /^\d+$/.test(id)
  let named: string | undefined
  for (const layer of layers) {
    if (!hasState(layer)) continue
    for (const name of IDS) {
      const value = layer[name]
      const other = typeof value === 'string' || isNumber ? idOf(value) : undefined
      if (other === undefined) continue
      if (other.includes(id) || id.includes(other)) return undefined
      named ??= other
    }
  }
  return named
}

// It has a job id, or reports a state.
function isJob(layer: Layer): boolean {
  return hasId(layer) || hasState(layer)
}

// Google's long-running operations.
function operationName(layers: readonly Layer[]): string | undefined {
  return firstIn(layers, ['name'], (value) =>
    typeof value === 'string' && /(?:^|\/)operations\/[^/]+$/.test(value) ? value : undefined,
  )
}

function inner(layer: Layer, depth = 0): Layer | undefined {
  for (const name of ENVELOPES) {
    const value = recordIn(layer[name])
    if (value === undefined) continue
    // A complete job object may contain other objects with their own ids: the files of the job.
    const isWhole = hasId(layer) && hasState(layer)
    if (!isWhole && isJob(value) && !(hasId(layer) && !hasState(value))) return value
    // An envelope inside an envelope.
    if (!isJob(layer) && depth < MOST_LAYERS && inner(value, depth + 1) !== undefined) return value
  }
  return alone(layer)
}

// An envelope under a name that is not in the table.
function alone(layer: Layer): Layer | undefined {
  if (isJob(layer)) return undefined
  const parts = Object.entries(layer).filter(
    ([, part]) => Object(part) === part && Object.keys(Object(part)).length > 0,
  )
  const [[name, part] = []] = parts
  const only = parts.length === 1 ? recordIn(part) : undefined
  return only !== undefined && name !== undefined && isErrorField(name) && !isOfJob(only) ? undefined : only
}

// An error may report its job. The status of one of Google, such as `INTERNAL`, is not that of an operation.
function isOfJob(error: Layer): boolean {
  const word = firstIn([error], STATE_FIELDS, stateWordOf)
  return word === undefined || jobStateOf(word) !== 'unknown'
}

// Some servers put the job into a list of one, others into a text of JSON.
function recordIn(value: unknown): Layer | undefined {
  if (isRecord(value)) return value
  if (Array.isArray(value)) return value.length === 1 && isRecord(value[0]) ? value[0] : undefined
  return typeof value === 'string' && /^\s*\{/.test(value) ? recordIn(plainNames(jsonOf(value))) : undefined
}

/** Whether an object has a job id. */
export function hasId(layer: Layer): boolean {
  return IDS.some((name) => idOf(layer[name]) !== undefined)
}

function hasState(layer: Layer): boolean {
  return STATE_FIELDS.some((name) => isState(layer[name]))
}

// Not the word of a state (without a digit), a sentence or an address.
function bareIdOf(value: unknown): string | undefined {
  return typeof value === 'string' && /^(?=.*\d)[\w-]{4,128}$/.test(value) ? value : undefined
}

function idOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value === '' ? undefined : value
  return typeof value === 'number' && Number.isFinite(value) ? String(value) : undefined
}
