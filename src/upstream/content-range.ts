import type { AnswerHeaders } from './answer.js'

/** The content of a `Content-Range` header; `total` is absent for `*`. */
export interface ContentRange {
  /** Absent in an answer to a range that cannot be satisfied. */
  readonly start?: number
  readonly total?: number
}

/** Reads `bytes 5-9/10`, `bytes 5-9/*` and `bytes *\/10`; `undefined` for anything else. */
export function readContentRange(value: string | null): ContentRange | undefined {
  const match = /^\s*bytes\s+(?:(\d{1,15})-\d{1,15}|\*)\/(?:(\d{1,15})|\*)\s*$/i.exec(value ?? '')
  if (match === null) return undefined
  return {
    ...(match[1] !== undefined && { start: Number(match[1]) }),
    ...(match[2] !== undefined && { total: Number(match[2]) }),
  }
}

/** The number of bytes of a body, if its headers give a number that also holds after decoding. */
export function declaredLength(headers: AnswerHeaders): number | undefined {
  const value = headers.get('content-length')
  return value !== null && /^\d{1,15}$/.test(value) && !isEncoded(headers) ? Number(value) : undefined
}

// Values of `Content-Encoding` that are not encodings: of S3 uploads, charsets and mail.
const NO_ENCODING = /^(?:identity|aws-chunked|utf-?8|none|null|binary|[78]bit)?$/i

/** Whether the bytes on the wire differ from those of the file. */
export function isEncoded(headers: AnswerHeaders): boolean {
  const labels = (headers.get('content-encoding') ?? '').split(',')
  return labels.some((label) => !NO_ENCODING.test(label.trim()))
}
