import type { JsonObject } from './json.js'

/** An amount of money. */
export interface Cost {
  /** From 0, such as `0.4`. */
  readonly amount: number
  /** Code of ISO 4217, such as `USD`. */
  readonly currency: string
}

/** What a video cost and used, as far as the upstream reported it. Nothing is estimated. */
export interface VideoUsage {
  /**
   * Price of the video. A number without a currency counts as US dollars, as all known servers report it; an amount in
   * anything but a code of ISO 4217, such as credits, is not known.
   */
  readonly cost?: Cost
  /** Seconds that are billed: of video, or of computing where the upstream bills that. */
  readonly seconds?: number
  /** Tokens that are billed, of the request and the answer together. */
  readonly tokens?: number
}

// Together, OpenRouter and Bifrost name it `cost`, the header of LiteLLM is read into it.
const COSTS = ['cost', 'total_cost', 'cost_usd', 'total_cost_usd', 'response_cost'] as const
// xAI counts ten billions to the dollar.
const TICKS = 'cost_in_usd_ticks'
const TICKS_OF_A_DOLLAR = 10_000_000_000
const SECONDS = [
  ...[
    'duration_seconds',
    'video_duration',
    'output_video_duration',
    'duration',
    'seconds',
    'video_seconds',
    'total_seconds',
  ],
  // Computing: Replicate and fal.
  ...['predict_time', 'inference_time', 'compute_seconds'],
] as const
const TOKENS = ['total_tokens', 'tokens'] as const
const TOKENS_IN = ['prompt_tokens', 'input_tokens'] as const
const TOKENS_OUT = ['completion_tokens', 'output_tokens'] as const

/** Reads usage as an upstream reports it; `undefined` if nothing in it is known. */
export function usageOf(reported: JsonObject | undefined): VideoUsage | undefined {
  // A custom generator may give anything.
  if (typeof reported !== 'object' || reported === null) return undefined
  const cost = costOf(reported)
  const seconds = firstNumber(reported, SECONDS)
  const [input, output] = [firstNumber(reported, TOKENS_IN), firstNumber(reported, TOKENS_OUT)]
  const sum = input === undefined && output === undefined ? undefined : (input ?? 0) + (output ?? 0)
  const tokens = firstNumber(reported, TOKENS) ?? sum
  if (cost === undefined && seconds === undefined && tokens === undefined) return undefined
  return {
    ...(cost !== undefined && { cost }),
    ...(seconds !== undefined && { seconds }),
    ...(tokens !== undefined && { tokens }),
  }
}

function costOf(reported: JsonObject): Cost | undefined {
  for (const name of COSTS) {
    const value = reported[name]
    const { amount, total_cost: total, currency = reported.currency } = Object(value) as JsonObject
    const cost = amountOf(value) ?? amountOf(amount) ?? amountOf(total)
    if (cost !== undefined) return inCurrency(cost, currency)
  }
  const ticks = amountOf(reported[TICKS])
  return ticks === undefined ? undefined : { amount: ticks / TICKS_OF_A_DOLLAR, currency: 'USD' }
}

// Credits of a provider are not money.
function inCurrency(amount: number, currency: unknown): Cost | undefined {
  if (currency === undefined || currency === null) return { amount, currency: 'USD' }
  const isCode = typeof currency === 'string' && /^[a-z]{3}$/i.test(currency)
  return isCode ? { amount, currency: currency.toUpperCase() } : undefined
}

function firstNumber(reported: JsonObject, names: readonly string[]): number | undefined {
  return names.map((name) => amountOf(reported[name])).find((value) => value !== undefined)
}

/** A number from 0, also as a decimal text; `undefined` for anything else. */
export function amountOf(value: unknown): number | undefined {
  const amount = typeof value === 'string' && /^\d+(?:\.\d+)?(?:e[+-]?\d+)?$/i.test(value) ? Number(value) : value
  return typeof amount === 'number' && Number.isFinite(amount) && amount >= 0 ? amount : undefined
}
