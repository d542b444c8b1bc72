import { isRecord } from './is-record.js'
import { jsonOf } from './json-of.js'
import { plainNames } from './plain-names.js'

/** Fields in which servers write the reason of a failure, the most specific first. */
export const REASON_FIELDS = [
  'error',
  'errors',
  'fail_reason',
  'failure_reason',
  'failure',
  'error_message',
  'error_msg',
  'err_msg',
  'errmsg',
  'fail_msg',
  'failed_reason',
  'failure_message',
  'failure_details',
  'fail_message',
  'err_message',
  'error_desc',
  'error_detail',
  'task_error',
  'exception',
  'task_status_msg',
  'status_reason',
  'rejection_reason',
  'reason_str',
  'markdown_reason_str',
  'reason',
  'detail',
  'details',
  'message',
  'msg',
  'raw_message',
  'status_message',
  'status_msg',
  'status_details',
  'status_detail',
  'status_desc',
  'task_result_msg',
  'error_description',
  'description',
] as const

/** Those that always report an error. A `message` does so only if the state says so. */
export const ERROR_FIELDS = REASON_FIELDS.slice(0, REASON_FIELDS.indexOf('status_reason'))

/** Fields in which servers write the machine-readable word of a failure. */
export const WORD_FIELDS = [
  'code',
  'kind',
  'type',
  'reason',
  'status',
  'error_code',
  'error_type',
  'failure_code',
  'err_code',
] as const
const NO_ERROR = /^(?:0|200|ok|success|succeed|succeeded|successful|none|null|no error|no errors|false)?$/i
const CODES: ReadonlySet<string> = new Set(['code', 'status', 'status_code', 'error_code', 'errcode', 'errno'])
const DEEPEST = 5

/**
 * Whether a value in an error field reports an error: `0`, `""`, `[]`, `{}`, `{ code: 0 }` and "success" do not.
 */
export function saysError(value: unknown, depth = 0): boolean {
  if (depth > DEEPEST) return true
  if (Array.isArray(value)) return value.some((entry) => saysError(entry, depth + 1))
  if (isRecord(value)) {
    const entries = Object.entries(value)
    // If a code reports success, a sentence beside it is not an error.
    const code = entries.find(([name, part]) => CODES.has(name) && part !== null && part !== '')
    if (code !== undefined && !saysError(code[1], depth + 1)) return false
    return entries.some(([, part]) => saysError(part, depth + 1))
  }
  if (typeof value === 'string') return !NO_ERROR.test(value.trim())
  return value !== undefined && value !== null && value !== 0 && value !== false && value !== 200
}

/**
 * The sentence of a value in an error field: a text, the texts of a list, or the message of an object, including JSON
 * in a text.
 */
export function sentenceOf(value: unknown, depth = 0): string {
  if (depth > DEEPEST) return ''
  if (typeof value === 'string') return ofText(value.trim(), depth)
  if (Array.isArray(value)) {
    const parts = value.map((entry) => problemOf(entry, depth))
    return parts.filter(Boolean).join('; ')
  }
  if (!isRecord(value)) return ''
  // The message field of an object is more readable than what the object quotes.
  const names = ['message', 'msg', 'detail', ...REASON_FIELDS]
  for (const name of names) {
    const sentence = sentenceOf(value[name], depth + 1)
    if (sentence !== '' && !NO_ERROR.test(sentence)) return sentence
  }
  return ''
}

/** Every sentence of a value in an error field, for those beside a vague one. */
export function sentencesOf(value: unknown, depth = 0): readonly string[] {
  if (depth > DEEPEST) return []
  if (Array.isArray(value)) return value.slice(0, 10).flatMap((entry) => sentencesOf(entry, depth + 1))
  if (!isRecord(value)) return [sentenceOf(value, depth)].filter(Boolean)
  return REASON_FIELDS.flatMap((name) => sentencesOf(value[name], depth + 1))
}

const INNER_FIELDS = [
  'error',
  'detail',
  'details',
  'message',
  'errors',
  'innererror',
  'inner_error',
  'provider_specific_fields',
]

/**
 * The machine-readable words of a value, such as `insufficient_quota`: `code`, `type` and similar fields, including
 * JSON in a text.
 */
export function wordsOf(value: unknown, depth = 0): readonly string[] {
  if (depth > DEEPEST) return []
  if (typeof value === 'string') return /^\s*\{/.test(value) ? wordsOf(plainNames(jsonOf(value)), depth + 1) : []
  if (Array.isArray(value)) return value.slice(0, 10).flatMap((entry) => wordsOf(entry, depth + 1))
  if (!isRecord(value)) return []
  const own = WORD_FIELDS.flatMap((name) => {
    const word = value[name]
    return (typeof word === 'string' && word !== '') || typeof word === 'number' ? [String(word)] : []
  })
  const inner = INNER_FIELDS.flatMap((name) => wordsOf(value[name], depth + 1))
  return [...inner, ...own]
}

function ofText(text: string, depth: number): string {
  if (!/^[{[]/.test(text)) return text
  const quoted = sentenceOf(plainNames(jsonOf(text)), depth + 1)
  return quoted === '' ? text : quoted
}

// An entry of FastAPI's list: { loc: ['body', 'prompt'], msg: 'Field required' }.
function problemOf(entry: unknown, depth: number): string {
  const place = isRecord(entry) && Array.isArray(entry.loc) ? entry.loc.join('.') : ''
  return [place, sentenceOf(entry, depth + 1)].filter(Boolean).join(': ')
}

/** Whether a field always reports an error. */
export function isErrorField(name: string): boolean {
  return ERROR_FIELDS.some((field) => field === name)
}
