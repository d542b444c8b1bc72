import { isSoraPipelineError } from '../contracts/errors.js'
import { foreignText } from '../contracts/foreign-error.js'
import { asStateFailure, codeOfFailure } from './state-failure.js'

// A longer sentence is a document, such as a page of a proxy.
const LONGEST_REASON = 200

/**
 * Works on a server, within a time. `subject` is what the work is about, such as the id of a run.
 * @throws RunStateError, retryable, when the work fails or takes longer. Errors of the library as they are.
 */
export type ServerWork = <T>(verb: string, subject: string, task: () => Promise<T>) => Promise<T>

/** Limits the work on a server: a client that waits for a connection may wait for ever. */
export function serverWork({ place, timeoutMs }: { readonly place: string; readonly timeoutMs: number }): ServerWork {
  return (verb, subject, task) =>
    asStateFailure({ verb, subject, place }, async () => {
      try {
        return await inTime(task, timeoutMs)
      } catch (error) {
        throw isSoraPipelineError(error) ? error : serverFailure(error)
      }
    })
}

// An error with the sentence of a server or its client, without credentials.
function serverFailure(cause: unknown): Error {
  // In the middle of a sentence.
  const message = foreignText(String(Object(cause).message ?? ''))
    .slice(0, LONGEST_REASON)
    .replace(/^[A-Z](?=[a-z ])/, (letter) => letter.toLowerCase())
    .replace(/[.\s]+$/, '')
  const code = codeOfFailure(cause)
  // A failed connection to several addresses has no sentence.
  const errstr = message === '' ? (code ?? 'an unknown failure') : message
  return Object.assign(new Error(errstr, { cause }), { errstr, ...(code !== undefined && { code }) })
}

async function inTime<T>(task: () => Promise<T>, timeoutMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`No answer within: ${timeoutMs} ms`)), timeoutMs)
  })
  try {
    return await Promise.race([task(), late])
  } finally {
    clearTimeout(timer)
  }
}
