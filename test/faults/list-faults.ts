import { reply } from 'sora-pipeline/testing'
import type { Fault } from './fault.ts'

const JOB = { id: 'video_1', prompt: 'A cat' }
const OTHER = { id: 'video_9', prompt: 'A dog' }
const OLD = { created_at: 1_000_000_000 }

/** Faults of the list in which a lost submission is looked up. */
export const LIST_FAULTS: readonly Fault[] = [
  ...Object.entries({
    'as OpenAI has it': { object: 'list', data: [JOB], has_more: false },
    'without a word of more, and the same again': { data: [JOB], has_more: false, last_id: 'video_1' },
    'in another field': { videos: [JOB], total: 1 },
    'with trimmed prompts': { data: [{ ...JOB, prompt: 'A cat\r\n' }], has_more: false },
    'beside other jobs': { data: [OTHER, JOB, { ...OTHER, id: 'video_8' }], has_more: false },
    'with jobs in envelopes': { data: [{ task: { ...JOB, status: 'queued' } }], has_more: false },
    'as one frame of a stream': `data: ${JSON.stringify({ data: [JOB], has_more: false })}\n\n`,
    'with NaN': `{"data":[{"id":"video_1","prompt":"A cat","eta":NaN}],"has_more":false}`,
  }).map(([name, body]) => fault(`a list ${name}`, body, 'found')),
  ...Object.entries({
    'that is empty': { data: [], has_more: false },
    'of other prompts': { data: [OTHER], has_more: false },
    'of old jobs': { data: [{ ...JOB, ...OLD }], has_more: false },
    'of old jobs in text': { data: [{ ...JOB, created_at: '2001-01-01 00:00:00' }], has_more: false },
    'that is bare, and empty': [],
  }).map(([name, body]) => fault(`a list ${name}`, body, 'sent again')),
  ...Object.entries({
    'that gives the same page again': { data: [OTHER] },
    'without prompts': { data: [{ id: 'video_1' }], has_more: false },
    'without ids': { data: [{ prompt: 'A cat' }], has_more: false },
    'that has more after nothing': { data: [], has_more: true },
    'with its own cursor': { data: [OTHER], next_cursor: 'c' },
    'of two such jobs': { data: [JOB, { ...JOB, id: 'video_7' }], has_more: false },
    'that is not a list': { object: 'video' },
    'that is a page': '<html>sleeping</html>',
    'that is cut off': '{"data":[{"id":"video_1","prompt":"A c',
  }).map(([name, body]) => fault(`a list ${name}`, body, 'review')),
  ...[401, 403, 404, 429, 500, 503].map((status) =>
    fault(`a list of ${status}`, { error: { message: 'no' } }, 'review', status),
  ),
]

function fault(name: string, body: unknown, expected: string, status = 200): Fault {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const headers = { 'content-type': 'application/json' }
  return {
    row: 70,
    name,
    does: () => reply({ status, headers, body: text }),
    generateMs: 60_000,
    expected: { find: expected },
  }
}
