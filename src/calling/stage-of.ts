import type { Verb } from './stage-calls.js'

/** The stage of a strategy by its verb; `undefined` if it has no verb, or several. */
export function stageOf(strategy: unknown): Verb | undefined {
  if (typeof strategy !== 'object' || strategy === null) return undefined
  const has = (verb: string) => typeof (strategy as Record<string, unknown>)[verb] === 'function'
  const stages: Verb[] = []
  if (has('generate') || (has('start') && has('poll'))) stages.push('generate')
  for (const verb of ['publish', 'resolve', 'upload'] as const) if (has(verb)) stages.push(verb)
  return stages.length === 1 ? stages[0] : undefined
}
