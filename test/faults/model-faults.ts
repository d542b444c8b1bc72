import type { Fault } from './fault.ts'

type Cells = Pick<Fault['expected'], 'model' | 'model-poll'>

// The package of the AI SDK follows a redirect of a poll itself, and reads the job there.
const FOLLOWED: Cells = { 'model-poll': 'read' }
// The package reports such an answer as unreadable, so it proves no refusal.
const UNREADABLE: Cells = { model: 'review' }
// Where a model of the AI SDK ends otherwise than a generator of the library.
const OTHERWISE: Readonly<Record<string, Cells>> = {
  ...Object.fromEntries([301, 302, 303, 307, 308].map((status) => [`${status} to another origin`, FOLLOWED])),
  // A poll without a status counts as pending.
  '200 with { error }': { ...UNREADABLE, 'model-poll': 'read' },
  '200 with { success: false }': { ...UNREADABLE, 'model-poll': 'read' },
  '200 with { code: 1001 }': { ...UNREADABLE, 'model-poll': 'read' },
}
// The package sends the requests, and follows redirects to any host: the library cannot prevent it.
const BEYOND: ReadonlySet<string> = new Set(['redirect to a private address'])

/** A fault of the wire, also expected at a model of the AI SDK: as at a generator of the library, unless it is listed here. */
export function atModel(fault: Fault): Fault {
  if (BEYOND.has(fault.name)) return fault
  const { create, poll } = fault.expected
  const { model = create, 'model-poll': modelPoll = poll } = OTHERWISE[fault.name] ?? {}
  const expected = {
    ...fault.expected,
    ...(model !== undefined && { model }),
    ...(modelPoll !== undefined && { 'model-poll': modelPoll }),
  }
  return { ...fault, expected }
}
