import { UsageError } from '../read-arguments.js'

/**
 * The number of `--limit`.
 * @throws UsageError when it is not a whole number from 1 to 1000.
 */
export function limitOf(text: string): number {
  const limit = Number(text)
  if (Number.isInteger(limit) && limit >= 1 && limit <= 1000) return limit
  throw new UsageError([`--limit is ${text}; give a whole number from 1 to 1000`])
}
