import type { VideoRequest } from '../../contracts/request.js'
import type { StoredRequest } from '../state/stored-request.js'

/** The part of a request that the tracing channels carry. */
export interface TracedRequest {
  /** The model, if the request names one. */
  readonly model?: string
  /** Duration of the video, in seconds. */
  readonly durationSeconds?: number
  /** Size of the video, such as `1280x720`. */
  readonly size?: string
  /** The seed. */
  readonly seed?: number
  /** The prompt; only with the option `recordInputs` of the pipeline. */
  readonly prompt?: string
}

/** The part of a request that may be published. */
export function tracedRequest(
  { model, durationSeconds, size, seed, prompt }: VideoRequest | StoredRequest,
  { recordInputs }: { readonly recordInputs: boolean },
): TracedRequest {
  return {
    ...(model !== undefined && { model }),
    ...(durationSeconds !== undefined && { durationSeconds }),
    ...(size !== undefined && { size }),
    ...(seed !== undefined && { seed }),
    ...(recordInputs && { prompt }),
  }
}
