import { REASON_FIELDS, WORD_FIELDS } from '../../../upstream/error-meaning.js'
import { isRecord } from '../../../upstream/is-record.js'
import { plainNames } from '../../../upstream/plain-names.js'

// Fields of an error, of the request, and of the answer itself: none of them is a job.
const OF_ANSWER: ReadonlySet<string> = new Set([
  ...[...REASON_FIELDS, ...WORD_FIELDS, 'errcode', 'status_code', 'errno', 'ret', 'retcode', 'success', 'ok', 'object'],
  ...[
    'request_id',
    'trace_id',
    'log_id',
    'logid',
    'req_id',
    'requestid',
    'timestamp',
    'time',
    'date',
    'version',
    'param',
  ],
  ...['params', 'loc', 'path', 'doc_url', 'docs', 'help', 'links', 'instance', 'title', 'field', 'hint', 'suggestion'],
  ...['base_resp', 'response_metadata', 'meta', 'metadata', 'debug', 'usage', 'region', 'host_id', 'retry_after'],
  ...['violations', 'issues', 'retryable', 'domain', 'warning', 'warnings', 'stack', 'traceback'],
])
// Names of what identifies a job, in no table of ids.
const OF_JOB =
  /(?:^|_)(?:ref|reference|ticket|handle|uid|sid|(?:task|job|video|order)(?:_?(?:no|num|number|key|code|ref|name))?)$/
const OF_VALUE: ReadonlySet<string> = new Set([
  'data',
  'result',
  'output',
  'task',
  'job',
  'response',
  'payload',
  'video',
])
const DEEPEST = 5

/** Whether an answer has content that is neither an error nor about the answer itself: in a form that is not known, it may be a job. */
export function hasUnreadContent(body: unknown): boolean {
  const answer = plainNames(body)
  if (!isRecord(answer)) return Array.isArray(answer) && answer.some((entry) => hasUnreadContent(entry))
  return Object.entries(answer).some(([name, value]) => {
    if (OF_ANSWER.has(name)) return false
    if (Object(value) === value) return holdsValue(value)
    return isFilled(value) && (OF_JOB.test(name) || (OF_VALUE.has(name) && /^(?=.*\d)\S+$/.test(String(value))))
  })
}

function holdsValue(value: unknown, depth = 0): boolean {
  if (depth > DEEPEST) return true
  if (Array.isArray(value)) return value.some((entry) => holdsValue(entry, depth + 1))
  if (!isRecord(value)) return isFilled(value)
  return Object.entries(value).some(([name, part]) => !OF_ANSWER.has(name) && holdsValue(part, depth + 1))
}

function isFilled(value: unknown): boolean {
  return typeof value === 'string' ? value.trim() !== '' : typeof value === 'number' && value !== 0
}
