import type { PipelineResultJson } from '../contracts/result.js'

/** Tokens in OpenAI's form, such as `{ prompt_tokens: 12, completion_tokens: 0, total_tokens: 12 }`. */
export interface ChatCompletionUsage {
  /** Tokens of the request, as the upstream counted them; 0 without a count. */
  readonly prompt_tokens: number
  /** Tokens of the answer, as the upstream counted them; 0 without a count. */
  readonly completion_tokens: number
  /** Sum of both. */
  readonly total_tokens: number
  /** Price of the video, as in OpenRouter's usage; absent unless the upstream reported it. */
  readonly cost?: number
  /** Currency of `cost`, such as `USD`. */
  readonly currency?: string
  /** Billed seconds; absent unless the upstream reported them. */
  readonly seconds?: number
}

/**
 * The tokens that the upstream counted for a video, in the field names of chat completions or responses. Video is rarely billed
 * by tokens: a missing count is 0, and nothing is estimated.
 */
export function chatCompletionUsage({ video, usage }: PipelineResultJson): ChatCompletionUsage {
  const count = (...names: readonly string[]) => names.map((name) => video.usage?.[name]).find(isCount)
  const prompt = count('prompt_tokens', 'input_tokens') ?? 0
  const completion = count('completion_tokens', 'output_tokens') ?? 0
  return {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: count('total_tokens') ?? prompt + completion,
    ...(usage?.cost && { cost: usage.cost.amount, currency: usage.cost.currency }),
    ...(usage?.seconds !== undefined && { seconds: usage.seconds }),
  }
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0
}
