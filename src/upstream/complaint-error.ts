import type { SoraPipelineError } from '../contracts/errors.js'
import {
  AuthenticationError,
  ContentRejectedError,
  NetworkError,
  OverloadedError,
  QuotaExceededError,
  RateLimitError,
  RegionError,
  type UpstreamErrorOptions,
} from '../contracts/upstream-errors.js'
import type { ComplaintKind } from './complaint-kind.js'

const CLASSES = {
  moderation: ContentRejectedError,
  quota: QuotaExceededError,
  rate: RateLimitError,
  credential: AuthenticationError,
  region: RegionError,
  overload: OverloadedError,
  network: NetworkError,
} as const satisfies Partial<Record<ComplaintKind, unknown>>

/** The error of a complaint whose kind has its own class. The caller handles timeouts and every other kind. */
export function complaintError(
  kind: Exclude<ComplaintKind, 'timeout' | 'other'>,
  message: string,
  options: UpstreamErrorOptions,
): SoraPipelineError {
  return new CLASSES[kind](message, options)
}
