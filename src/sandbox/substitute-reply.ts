import type { Fault } from './fault.js'
import { openAiError } from './openai-error.js'
import { jsonReply, type Reply, textReply } from './reply.js'
import type { Refusal } from './route.js'

/** The answer that a fault sends instead of the correct one; `undefined` for a fault that breaks the correct one. */
export function substituteReply(fault: Fault, refuse: Refusal | undefined): Reply | undefined {
  switch (fault.kind) {
    case 'status':
      return statusReply(fault, refuse)
    case 'rate-limit':
      return rateLimitReply(fault.retryAfterSeconds, refuse)
    case 'not-synced':
      return textReply(404, 'Not found')
    case 'html':
      return textReply(200, PAGE, 'text/html; charset=utf-8')
    case 'sleeping':
      return textReply(503, PAGE, 'text/html; charset=utf-8')
    default:
      return undefined
  }
}

function statusReply(fault: Fault & { readonly kind: 'status' }, refuse: Refusal = openAiRefusal): Reply {
  const { status, body, reason, headers = {} } = fault
  if (typeof body === 'string') {
    const reply = textReply(status, body)
    return { ...reply, headers: { ...reply.headers, ...headers } }
  }
  if (body !== undefined) return jsonReply(status, body, headers)
  return refuse(status, { message: `The sandbox answers with status ${status}`, reason }, headers)
}

function rateLimitReply(retryAfterSeconds: number | undefined, refuse: Refusal | undefined): Reply {
  const headers: Record<string, string> = {}
  if (retryAfterSeconds !== undefined) headers['retry-after'] = String(retryAfterSeconds)
  const message = 'Rate limit reached for requests'
  if (refuse !== undefined) return refuse(429, { message }, headers)
  return openAiError(429, { message, type: 'requests', code: 'rate_limit_exceeded' }, headers)
}

const openAiRefusal: Refusal = (status, { message, reason }, headers) => {
  const type = status >= 500 ? 'server_error' : 'invalid_request_error'
  return openAiError(status, { message, type, code: reason }, headers)
}

const PAGE = `<!doctype html>
<html lang="en">
  <head><title>Please wait</title></head>
  <body><h1>Please wait</h1><p>This page stands where an answer should be.</p></body>
</html>
`
