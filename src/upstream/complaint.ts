import { type ErrorDetails, readErrorDetails } from './error-details.js'

/** The reason an upstream gives for not doing what was requested, read as close to its origin as possible. */
export interface Complaint {
  /** HTTP status: of the answer, or the one that the message quotes; absent in a stream with only a sentence. */
  readonly status?: number | undefined
  /** Words such as `token_invalidated`. */
  readonly words: readonly string[]
  /** The human-readable sentence. */
  readonly message: string
  /** Whether the answer is a page instead of an API response. */
  readonly isPage: boolean
  /** Whether the complaint comes from a service behind the upstream and is quoted in the upstream's own. */
  readonly isRelayed: boolean
}

// `API request failed: 401 - {…}`, `HTTP Error: 429 {…}`, `400: Invalid model: x`; but not `failed: 500 seconds`.
const STATUS = /(?:^|\b(?:failed|error|status|code)[ :=]{1,3})([45]\d\d)(?![\d.]|\s?(?:ms|s|sec\w{0,4})\b|\s?%)/i
const CODE = /["']code["']\s{0,9}:\s{0,9}["']([\w.-]{1,60})["']/
// Only this part of a message is read; what follows is the echo of something large.
const LONGEST_MESSAGE = 20_000

/**
 * Reads a complaint, and the one that it quotes: gateways put the answer that they received into their message, such
 * as `API request failed: 401 - {"error":{"code":"token_invalidated"}}`, or their own status, such as `400: Invalid
 * model: x` under a 500.
 *
 * @param status - HTTP status of the answer. Below 500 a quoted status is ignored: the upstream speaks for itself.
 */
export function readComplaint(details: ErrorDetails, status?: number): Complaint {
  const message = details.message.slice(0, LONGEST_MESSAGE)
  // In a stream only the words exist: OpenRouter and vLLM write the status as `code`.
  const said = { ...details, message, status: status ?? statusIn(details.words), isRelayed: false }
  if (status !== undefined && status < 500) return said
  const written = STATUS.exec(message)?.[1]
  const quoted = quotedDetails(message)
  if (written === undefined && quoted === undefined) return said
  const isPage = quoted === undefined && written !== undefined && /<!doctype|<html/i.test(message)
  return {
    status: written === undefined ? (statusIn(quoted?.words ?? []) ?? said.status) : Number(written),
    words: [...(quoted?.words ?? []), ...details.words],
    message: quoted === undefined || quoted.message === '' ? message : quoted.message,
    isPage: isPage || details.isPage,
    isRelayed: true,
  }
}

function quotedDetails(message: string): Pick<ErrorDetails, 'words' | 'message'> | undefined {
  const start = message.indexOf('{')
  if (start < 0) return undefined
  const details = readErrorDetails(message.slice(start, message.lastIndexOf('}') + 1))
  if (details.words.length > 0) return details
  // Cut off, or not written as valid JSON: the word can be read anyway.
  const code = CODE.exec(message)?.[1]
  if (code !== undefined) return { words: [code], message: '' }
  return details.message === '' || details.message.startsWith('{') ? undefined : details
}

function statusIn(words: readonly string[]): number | undefined {
  const word = words.find((candidate) => /^[45]\d\d$/.test(candidate))
  return word === undefined ? undefined : Number(word)
}
