import { discard } from '../../upstream/body-text.js'
import { HttpRefusal } from '../http-refusal.js'
import type { Incoming } from '../incoming.js'
import type { BodyShare } from './body-budget.js'
import { type BodyLimits, readBoundedBytes } from './bounded-bytes.js'
import { type FormPart, parseFormBody } from './form-body.js'
import { looksLikeJsonObject, parseJsonBody } from './json-body.js'

/** The body of a request, parsed but not checked. */
export type RequestBody =
  | { readonly kind: 'json'; readonly value: unknown }
  | { readonly kind: 'form'; readonly parts: readonly FormPart[] }

/** How to read a body. */
export interface BodyReading extends Pick<BodyLimits, 'maxBytes' | 'time'> {
  /** Returns a share in the budget of all bodies; it is held until the body is parsed. */
  readonly shareOf?: (() => BodyShare) | undefined
}

/**
 * Reads the body of a request: JSON (`application/json` and `+json`, with any parameters; also without a content type
 * if it starts with `{`) or a form (`multipart/form-data`).
 *
 * @throws HttpRefusal 413 `request_too_large`; 408 `request_timeout`; 503 `overloaded`; 415 `unsupported_media_type`;
 * 400 `invalid_json`, `invalid_form` or `invalid_body`. The rest of the stream is cancelled.
 * @throws signal.reason of the request when it is aborted.
 */
export async function readBody(request: Incoming, reading: BodyReading): Promise<RequestBody> {
  request.signal.throwIfAborted()
  const contentType = request.headers.get('content-type') ?? ''
  const kind = kindOf(contentType)
  const problem = encodingProblem(request) ?? (kind === 'other' ? `${shown(contentType)} is not read here` : undefined)
  if (problem !== undefined) {
    if (!request.bodyUsed && !request.body?.locked) discard(request.body)
    throw unsupported(problem)
  }
  const { maxBytes, time } = reading
  const share = reading.shareOf?.()
  try {
    const bytes = await readBoundedBytes(request, { maxBytes, time, share })
    if (kind === 'form') return { kind, parts: parseFormBody(bytes, contentType) }
    if (kind === 'unnamed' && bytes.byteLength > 0 && !looksLikeJsonObject(bytes))
      throw unsupported('it has no content type')
    return { kind: 'json', value: parseJsonBody(bytes) }
  } finally {
    share?.release()
  }
}

function kindOf(contentType: string): 'json' | 'form' | 'unnamed' | 'other' {
  const type = contentType.split(';', 1)[0]?.trim().toLowerCase() ?? ''
  if (type === '') return 'unnamed'
  if (type === 'multipart/form-data') return 'form'
  return /^[\w.-]+\/(?:[\w.-]+\+)*json$/.test(type) ? 'json' : 'other'
}

function encodingProblem({ headers }: Incoming): string | undefined {
  const encoding = headers.get('content-encoding')?.trim() ?? ''
  return encoding === '' || encoding.toLowerCase() === 'identity' ? undefined : `it is encoded as ${shown(encoding)}`
}

function unsupported(problem: string): HttpRefusal {
  return new HttpRefusal({
    status: 415,
    code: 'unsupported_media_type',
    message: `Could not read the body: ${problem}; send plain application/json or multipart/form-data`,
  })
}

function shown(header: string): string {
  return JSON.stringify(header.slice(0, 60))
}
