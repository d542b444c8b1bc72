import type { OpenAiErrorKind } from './openai-error-kind.js'

/** How an error of one kind is answered. */
interface ErrorAnswer {
  /** HTTP status. */
  readonly status: number
  readonly type: string
  readonly code: string
  /** What to do, after the message of the error; instead of a message that is not for the caller. */
  readonly advice: string
  readonly isMessageHidden?: true
}

/** The answer to each kind of error. */
export const ERROR_ANSWERS: Readonly<Record<OpenAiErrorKind, ErrorAnswer>> = {
  'invalid-request': {
    status: 400,
    type: 'invalid_request_error',
    code: 'invalid_value',
    advice: 'Correct the request and send it again.',
  },
  'content-policy': {
    status: 400,
    type: 'invalid_request_error',
    code: 'content_policy_violation',
    advice: 'Change the prompt or the image and send it again.',
  },
  authentication: {
    status: 401,
    type: 'invalid_request_error',
    code: 'invalid_api_key',
    advice: 'Check the API key of this request, or the key that this server uses at its video provider.',
  },
  region: {
    status: 403,
    type: 'request_forbidden',
    code: 'unsupported_country_region_territory',
    advice: 'The video provider does not serve the country or region of this server.',
  },
  'run-state': {
    status: 409,
    type: 'invalid_request_error',
    code: 'run_conflict',
    advice: 'Request the run again under its id, or send the request under a new id.',
  },
  quota: {
    status: 429,
    type: 'insufficient_quota',
    code: 'insufficient_quota',
    advice: 'Check the quota of the token or account at the video provider: add credit, or wait until it is renewed.',
  },
  'rate-limit': {
    status: 429,
    type: 'rate_limit_error',
    code: 'rate_limit_exceeded',
    advice: 'Wait and send the request again.',
  },
  aborted: {
    status: 499,
    type: 'request_aborted',
    code: 'request_aborted',
    advice: 'The request was aborted before there was a video.',
    isMessageHidden: true,
  },
  configuration: {
    status: 500,
    type: 'server_error',
    code: 'configuration_error',
    advice: 'This server is not configured correctly: only its operator can fix that.',
    isMessageHidden: true,
  },
  unexpected: {
    status: 500,
    type: 'server_error',
    code: 'internal_error',
    advice: 'This server could not finish the request because of an unexpected error.',
    isMessageHidden: true,
  },
  upstream: {
    status: 502,
    type: 'server_error',
    code: 'upstream_error',
    advice: 'The video provider failed: try again later.',
  },
  network: {
    status: 502,
    type: 'server_error',
    code: 'upstream_unreachable',
    advice: 'The video provider did not respond: try again, or check its address and the network of this server.',
  },
  refused: {
    status: 502,
    type: 'server_error',
    code: 'upstream_refused',
    advice: 'The video provider refused this request: change it, such as its model or its prompt.',
  },
  generation: {
    status: 502,
    type: 'server_error',
    code: 'generation_failed',
    advice: 'The video provider could not make the video: try again, perhaps with another prompt.',
  },
  'unknown-submission': {
    status: 502,
    type: 'server_error',
    code: 'submission_unknown',
    advice: 'The video may be in progress and paid: check the video provider before you send the request again.',
  },
  'no-url': {
    status: 502,
    type: 'server_error',
    code: 'no_usable_url',
    advice: 'The video exists, but only the operator of this server can reach it: do not generate it again.',
  },
  overloaded: {
    status: 503,
    type: 'server_error',
    code: 'overloaded',
    advice: 'The video provider is overloaded: wait and send the request again.',
  },
  'not-accepted': {
    status: 503,
    type: 'server_error',
    code: 'overloaded',
    advice: 'No video is in progress: wait and send the request again.',
  },
  // Its message names directories, databases and servers.
  store: {
    status: 503,
    type: 'server_error',
    code: 'store_unavailable',
    advice: 'This server cannot save or read its videos at the moment: wait and send the request again.',
    isMessageHidden: true,
  },
  elsewhere: {
    status: 503,
    type: 'server_error',
    code: 'run_continues',
    advice:
      'The run is saved, and its video continues: get it under its id, as with GET /v1/videos/{id}; do not send the request again.',
  },
  'no-generator': {
    status: 503,
    type: 'server_error',
    code: 'run_continues',
    advice:
      'The run is saved, and waits until this server has its video provider again: get it under its id, as with GET /v1/videos/{id}; do not send the request again.',
    isMessageHidden: true,
  },
  timeout: {
    status: 504,
    type: 'server_error',
    code: 'timeout',
    advice: 'The video may still be in progress: request the run under its id before you send the request again.',
  },
}
