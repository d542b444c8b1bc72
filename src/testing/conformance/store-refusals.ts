import assert from 'node:assert/strict'
import { isSoraPipelineError } from '../../contracts/errors.js'
import { outcomeOf } from './trial.js'

/** Asserts a rejection with a `FencedError`. */
export async function isFenced(promise: Promise<unknown>, what = 'save'): Promise<void> {
  const { error, isRejected } = await outcomeOf(promise)
  assert.ok(
    isRejected && isSoraPipelineError(error) && error.code === 'run-fenced',
    `${what} must reject with a FencedError, but gave: ${String(error)}`,
  )
}

/** Asserts a rejection with a `RunStateError`, which includes `FencedError`. */
export async function isUnknownRun(promise: Promise<unknown>, what: string): Promise<void> {
  const { error, isRejected } = await outcomeOf(promise)
  assert.ok(
    isRejected && isSoraPipelineError(error) && (error.code === 'run-state' || error.code === 'run-fenced'),
    `${what} must reject with a RunStateError, but gave: ${String(error)}`,
  )
}

/** Asserts a rejection with an `InvalidRequestError` whose problems name a field. */
export async function isInvalid(promise: Promise<unknown>, field: string, what: string): Promise<void> {
  const { error, isRejected } = await outcomeOf(promise)
  assert.ok(isRejected, `${what} must reject, but it resolved`)
  assert.ok(
    isSoraPipelineError(error) && error.code === 'request-invalid',
    `${what} must reject with an InvalidRequestError, but gave: ${String(error)}`,
  )
  const { problems } = error as { readonly problems?: readonly { readonly field: string }[] }
  assert.ok(
    problems?.some((problem) => problem.field === field),
    `${what} must name ${field} in its problems, but gave: ${JSON.stringify(problems)}`,
  )
}
