import { describeValue } from '../contracts/errors.js'
import type { StageName } from '../contracts/stage.js'
import { fieldOf } from '../contracts/thrown-value.js'
import { type RunSession, warn } from './run-session.js'

// Unix seconds of the years 2001 to 5138; as milliseconds they are all in the past.
const [FIRST_SECOND, LAST_SECOND] = [1e9, 1e11]

/**
 * The result of a strategy without an `expiresAt` that is not epoch milliseconds, such as a text or Unix seconds, with a warning: a
 * good address would count as expired.
 */
export function withRightExpiry<Result>(
  session: RunSession,
  { stage, strategy }: { readonly stage: StageName; readonly strategy: { readonly name: string } },
  result: Result,
): Result {
  const expiresAt: unknown = fieldOf(result, 'expiresAt')
  if (expiresAt === undefined || expiresAt === null || isMilliseconds(expiresAt, session.config.clock.now()))
    return result
  const message = `Could not use expiresAt of ${strategy.name}: ${describeValue(expiresAt)} (give epoch milliseconds)`
  warn(session, { code: 'invalid-result', message }, stage, strategy.name)
  const { expiresAt: _, ...rest } = result as Result & { expiresAt: unknown }
  return rest as Result
}

function isMilliseconds(value: unknown, now: number): boolean {
  if (typeof value !== 'number' || !Number.isFinite(value)) return false
  return !(now > LAST_SECOND && value >= FIRST_SECOND && value < LAST_SECOND)
}
