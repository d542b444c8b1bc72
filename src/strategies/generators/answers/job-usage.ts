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

/** The same of the answer to a submission, whose headers may have the cost. */
export function submissionUsage(
  layers: readonly Layer[],
  own: JsonObject | undefined,
  headers: AnswerHeaders,
): JsonObject | undefined {
  const cost = amountOf(headers.get(COST_HEADER))
  const usage = jobUsage(layers, own)
  return cost === undefined ? usage : { cost, ...usage }
}

function costIn(value: unknown): number | undefined {
  return isRecord(value) ? amountOf(value.cost) : undefined
}

function timeIn(value: unknown): number | undefined {
  return isRecord(value) ? TIMES.map((name) => amountOf(value[name])).find((time) => time !== undefined) : undefined
}
