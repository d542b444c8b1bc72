import type { JsonObject } from '../../../contracts/json.js'
import { amountOf } from '../../../contracts/usage.js'
import type { AnswerHeaders } from '../../../upstream/answer.js'
import { isRecord } from '../../../upstream/is-record.js'
import { firstIn, type Layer } from './answer-layers.js'

// Beside `usage`: Together has a cost in `outputs`, Replicate and fal the time of computing in `metrics` and `timings`.
const PRICED = ['outputs', 'billing'] as const
const TIMED = ['metrics', 'timings'] as const
const TIMES = ['predict_time', 'inference_time', 'inference'] as const
// LiteLLM's proxy prices a job when it is submitted.
const COST_HEADER = 'x-litellm-response-cost'

/**
 * What an answer about a job reports about its cost: its own `usage`, unchanged, and `cost` and `predict_time` from the other
 * places, unless `usage` has them; `undefined` without any.
 */
export function jobUsage(layers: readonly Layer[], own: JsonObject | undefined): JsonObject | undefined {
  const cost = firstIn(layers, ['cost'], amountOf) ?? firstIn(layers, PRICED, costIn)
  const time = firstIn(layers, TIMED, timeIn)
  const usage = { ...(cost !== undefined && { cost }), ...(time !== undefined && { predict_time: time }), ...own }
  return Object.keys(usage).length === 0 ? undefined : usage
}

/** What the headers of the answer to a submission report about its cost. */
export function submissionUsage(headers: AnswerHeaders): JsonObject | undefined {
  const cost = amountOf(headers.get(COST_HEADER) ?? undefined)
  return cost === undefined ? undefined : { cost }
}

function costIn(value: unknown): number | undefined {
  return isRecord(value) ? amountOf(value.cost) : undefined
}

function timeIn(value: unknown): number | undefined {
  return isRecord(value) ? TIMES.map((name) => amountOf(value[name])).find((time) => time !== undefined) : undefined
}
