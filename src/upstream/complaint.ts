import { type ErrorDetails, readErrorDetails } from './error-details.js'

/** What an upstream says when it will not or cannot do what was asked, as near to its origin as it can be read. */
export interface Complaint {
  /** HTTP status: that of the answer, or the one that the message tells of; absent in a stream that only has a sentence. */
  readonly status?: number | undefined
  /** Words such as `token_invalidated`. */
  readonly words: readonly string[]
  /** The sentence for people. */
  readonly message: string
  /** Whether a page was sent in place of an API's answer. */
  readonly isPage: boolean
  /** Whether it is the complaint of somebody behind the upstream, told in the upstream's own. */
  readonly isRelayed: boolean
}

// `API request failed: 401 - {…}`, `HTTP Error: 429 {…}`, `400: Invalid model: x`; but not `failed: 500 seconds`.
const STATUS = /(?:^|\b(?:failed|error|status|code)[ :=]{1,3})([45]\d\d)(?![\d.]|\s?(?:ms|s|sec\w{0,4})\b|\s?%)/i
const CODE = /["']code["']\s{0,9}:\s{0,9}["']([\w.-]{1,60})["']/
// The part of a message that can tell anything; what lies behind it is the echo of something large.
const LONGEST_MESSAGE = 20_000

/**
 * Reads a complaint, and the one that it quotes: gateways put the answer that they got themselves into their message, such as
 * `API request failed: 401 - {"error":{"code":"token_invalidated"}}`, or their own status, such as `400: Invalid model: x` under
 * a 500.
 *
 * @param status - HTTP status of the answer. What it quotes is left alone below 500: the upstream speaks for itself there.
 */
export function readComplaint(details: ErrorDetails, status?: number): Complaint {
  const message = details.message.slice(0, LONGEST_MESSAGE)
  // In a stream the words are all there is: OpenRouter and vLLM write the status as `code`.
  const said = { ...details, message, status: status ?? statusIn(details.words), isRelayed: false }
  if (status !== undefined && status < 500) return said
  const told = STATUS.exec(message)?.[1]
  const quoted = quotedDetails(message)
  if (told === undefined && quoted === undefined) return said
  const isPage = quoted === undefined && told !== undefined && /<!doctype|<html/i.test(message)
  return {
    status: told === undefined ? (statusIn(quoted?.words ?? []) ?? said.status) : Number(told),
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
  // Cut off, or written by another hand than JSON's: the word is there all the same.
  const code = CODE.exec(message)?.[1]
  if (code !== undefined) return { words: [code], message: '' }
  return details.message === '' || details.message.startsWith('{') ? undefined : details
}

function statusIn(words: readonly string[]): number | undefined {
  const word = words.find((candidate) => /^[45]\d\d$/.test(candidate))
  return word === undefined ? undefined : Number(word)
}
