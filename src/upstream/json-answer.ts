import * as z from 'zod/mini'
import { UpstreamResponseError } from '../contracts/upstream-errors.js'
import type { ApiAnswer } from './api.js'
import { excerptOf } from './error-details.js'
import { jsonOf } from './json-of.js'
import { hostOf } from './network-failure.js'
import { requestIdFrom } from './request-id.js'

/**
 * Reads a successful answer as JSON of a given shape.
 * @throws UpstreamResponseError when it is empty, a page, cut off, or of another shape.
 */
export function readJsonAnswer<S extends z.ZodMiniType>(answer: ApiAnswer, schema: S): z.output<S> {
  const parsed = z.safeParse(schema, readJsonBody(answer))
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  const place = issue === undefined || issue.path.length === 0 ? 'it' : issue.path.join('.')
  throw unreadable(answer, `${place} is not of the expected shape`)
}

/** The error of a successful answer that cannot be read. */
export function unreadable(answer: ApiAnswer, problem: string): UpstreamResponseError {
  const { what, url, status, mask } = answer
  const bodyExcerpt = excerptOf(answer.text, mask)
  return new UpstreamResponseError(
    `Could not ${what}: unusable answer from ${hostOf(url)} (${problem})${bodyExcerpt && `, ${bodyExcerpt}`}`,
    { status, url: mask(url), bodyExcerpt, requestId: requestIdFrom(answer.headers, mask) },
  )
}

/**
 * Reads a successful answer as JSON of any shape.
 * @throws UpstreamResponseError when it is empty, a page, or cut off.
 */
export function readJsonBody(answer: ApiAnswer): unknown {
  const body = jsonOf(answer.text)
  // The parser's own message quotes the body, so there is no cause.
  if (body === undefined) throw unreadable(answer, answer.text.trim() === '' ? 'it is empty' : 'it is not JSON')
  return body
}
