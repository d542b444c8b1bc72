import { jsonCopy } from '../contracts/is-json.js'
import type { VideoRequest } from '../contracts/request.js'

/** A copy: what a generator changes must not reach the next one. Media is large and shared unchanged. */
export function copyOfRequest(request: VideoRequest): VideoRequest {
  const copies = (['providerOptions', 'metadata', 'storyboard'] as const).flatMap((field) =>
    request[field] === undefined ? [] : [[field, jsonCopy(request[field])]],
  )
  return { ...request, ...Object.fromEntries(copies) }
}
