import { isSoraPipelineError, toErrorJson } from '../contracts/errors.js'
import { toOpenAiError } from '../openai/to-openai-error.js'
import { HttpRefusal } from './http-refusal.js'
import { jsonAnswer, type PlainAnswer } from './plain-answer.js'
import { runHeadersOf } from './run-error.js'

/** The only place where a thrown error becomes an answer, in OpenAI's format and with its status. */
export function errorAnswer(error: unknown): PlainAnswer {
  if (error instanceof HttpRefusal) {
    return jsonAnswer(error.body, { status: error.status, headers: error.headers })
  }
  const { status, headers = {}, body } = toOpenAiError(error)
  return jsonAnswer(body, { status, headers: { ...headers, ...runHeadersOf(error) } })
}

/** Whether only the operator can fix an error. */
export function isInternal(error: unknown): boolean {
  if (error instanceof HttpRefusal) return false
  if (!isSoraPipelineError(error)) return true
  if (toErrorJson(error).continues === true) return false
  return error.code === 'configuration-invalid' || error.code === 'unexpected' || error.code === 'run-state'
}
