import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { RunStateError, type StoredRun, type VideoRequest } from '../../../src/index.js'
import { fingerprintOf } from '../../../src/pipeline/state/request-fingerprint.js'
import { readRunState, toStoredRun } from '../../../src/pipeline/state/stored-run.js'
import { v1Runs, v1State } from './v1-fixtures.js'

const RUNS = v1Runs()
const NOW = 1_767_225_600_000

/** Every kind of submission: of a kind of run, what it is upgraded to. */
const SUBMISSIONS: Readonly<Record<string, object | undefined>> = {
  created: undefined,
  ready: { cursor: null, generator: null, upstream: null, number: 1, state: 'ready', sentAt: null },
  'ready-retry': {
    cursor: { failures: 1, inner: null },
    generator: null,
    upstream: null,
    number: 2,
    state: 'ready',
    sentAt: null,
  },
  'ready-fallback-second': {
    cursor: { index: 1, inner: null },
    generator: null,
    upstream: null,
    number: 2,
    state: 'ready',
    sentAt: null,
  },
  'ready-balance': {
    cursor: { tried: [], at: null },
    generator: null,
    upstream: null,
    number: 1,
    state: 'ready',
    sentAt: null,
  },
  'ready-balance-second': {
    cursor: { tried: [0], at: null },
    generator: null,
    upstream: null,
    number: 2,
    state: 'ready',
    sentAt: null,
  },
  'ready-after-absent': { cursor: null, generator: null, upstream: null, number: 1, state: 'ready', sentAt: NOW },
  'settled-not-submitted': { cursor: null, generator: null, upstream: null, number: 2, state: 'ready', sentAt: null },
  intent: sending({ cursor: null, number: 1 }),
  'intent-after-absent': sending({ cursor: null, number: 1 }),
  'intent-fallback-first': sending({ cursor: { index: 0, inner: null }, number: 1 }),
  'intent-fallback-second': sending({ cursor: { index: 1, inner: null }, number: 2 }),
  'intent-balance': sending({ cursor: { tried: [], at: { index: 0, inner: null } }, number: 1 }),
  'intent-key-again': { ...sending({ cursor: null, number: 1 }), isResend: true, inquiries: 1 },
  'aborted-intent': sending({ cursor: null, number: 1 }),
  'needs-review': sending({ cursor: null, number: 1 }),
  'needs-review-fallback-second': sending({ cursor: { index: 1, inner: null }, number: 2 }),
  'unknown-key': unknown({ cursor: null, number: 1, inquiries: 0 }),
  'unknown-key-inquiries': unknown({ cursor: null, number: 1, inquiries: 2 }),
  'unknown-find-inquiries': unknown({ cursor: null, number: 1, inquiries: 1 }),
  'unknown-fallback-second': unknown({ cursor: { index: 1, inner: null }, number: 2, inquiries: 0 }),
  'needs-review-unclear': unknown({ cursor: null, number: 1, inquiries: 0 }),
  accepted: accepted({ cursor: null, number: 1, generator: 'first' }),
  'accepted-fallback-second': accepted({ cursor: { index: 1, inner: null }, number: 2, generator: 'second' }),
  'accepted-key-again': accepted({
    cursor: null,
    number: 1,
    generator: 'fake-task-generator',
    operation: { id: 'task_2' },
  }),
  'accepted-misses': {
    ...accepted({ cursor: null, number: 1, generator: 'fake-task-generator' }),
    readings: [{ atMs: 0 }, { atMs: 3000, ratio: 0.25 }, { atMs: 6000 }, { atMs: 7200 }],
    misses: 2,
  },
  'accepted-lasting-misses': {
    ...accepted({ cursor: null, number: 1, generator: 'fake-task-generator' }),
    readings: [{ atMs: 0 }, { atMs: 3000 }, { atMs: 6000 }],
    misses: 2,
    lastingMisses: 2,
  },
  'accepted-nested': accepted({
    cursor: { index: 1, inner: { tried: [], at: { index: 0, inner: null } } },
    number: 3,
    generator: 'second',
    at: NOW + 250,
  }),
  finish: accepted({ cursor: null, number: 1, generator: 'fake-generator', operation: null }),
}

function sending(placed: object) {
  return { ...placed, generator: null, upstream: null, state: 'sending', sentAt: NOW, isResend: false, inquiries: 0 }
}

function unknown(placed: object) {
  return { ...placed, generator: null, upstream: null, state: 'unknown', sentAt: NOW }
}

function accepted(job: { cursor: unknown; number: number; generator: string; operation?: unknown; at?: number }) {
  const { cursor, number, generator, operation = { id: 'task_1' }, at = NOW } = job
  const handle = { generator, operation, startedAt: at }
  const placed = { cursor, generator, upstream: null, number, state: 'accepted', sentAt: at }
  return { ...placed, handle, readings: [{ atMs: 0 }], misses: 0, lastingMisses: 0 }
}

describe('a state of version 0.1.0', () => {
  it.each(RUNS)('is read as one of the present version: $kind', ({ state }) => {
    const read = readRunState(state.id, { state })
    expect(read).toMatchObject({ v: 2, id: state.id, epoch: 0 })
    // It stays so when it is saved in the present form, and read again.
    expect(readRunState(state.id, { state: JSON.parse(JSON.stringify(toStoredRun(read))) })).toEqual(read)
  })

  it.each(RUNS)('loses nothing: $kind', ({ state }) => {
    const { v: _v, epoch: _epoch, formerLease, submission, ...read } = readRunState(state.id, { state })
    const { v: _1, lease, progress: _progress, submission: former, ...rest } = state
    expect(read).toEqual(rest)
    expect(formerLease).toEqual(lease)
    // Of a submission that has no job there is nothing to know but its place, its number and when it was sent.
    const { state: _state, intentAt, ...kept } = (former ?? {}) as Record<string, unknown>
    if (submission?.state === 'accepted') expect(submission).toMatchObject(withoutInquiries(kept))
    else expect(kept).toMatchObject({ ...(former !== undefined && { readings: [], misses: 0, lastingMisses: 0 }) })
    expect(submission?.sentAt ?? undefined).toEqual(intentAt)
    expect(submission?.cursor).toEqual(kept.cursor)
    expect(submission?.number).toEqual(kept.number)
  })

  it.each(RUNS)('has the fingerprint that its request has today: $kind', ({ state }) => {
    const read = readRunState(state.id, { state })
    expect(read.fingerprint).toBe(state.fingerprint)
    expect(fingerprintOf(read.request as VideoRequest)).toBe(state.fingerprint)
  })

  it.each(Object.entries(SUBMISSIONS))('has a submission of the present form: %s', (kind, submission) => {
    expect(readRunState('run', { state: v1State(kind) }).submission).toEqual(submission)
  })

  it.each(RUNS)('keeps fields that are not known, wherever they are: $kind', ({ state }) => {
    const marked = withMarks(state)
    const read = readRunState(state.id, { state: marked as StoredRun })
    const { lease, progress: _progress, ...rest } = marked as Record<string, unknown>
    const former = lease === undefined ? {} : { formerLease: lease }
    // A list or a JSON value that the pipeline does not interpret is marked as well.
    expect(marksIn(read)).toBe(marksIn({ ...rest, ...former }))
  })
})

describe('a state of version 0.1.0 that is broken', () => {
  const runs = RUNS.map((run) => ({ ...run, paths: readPaths(run.state) }))
  const mutations = fc.constantFrom(...runs).chain(({ kind, state, paths }) =>
    fc.record({
      kind: fc.constant(kind),
      state: fc.constant(state),
      path: fc.constantFrom(...paths),
      // `undefined` takes the field away.
      value: fc.constantFrom<unknown>(undefined, null, true, 'text', 17, [], [17], {}, { text: 17 }),
    }),
  )

  it('is a RunStateError that is not retryable, and never read by half', () => {
    fc.assert(
      fc.property(mutations, ({ state, path, value }) => {
        fc.pre(isBreaking(path, value))
        const broken = mutated(state, path.keys, value)
        let read: unknown
        try {
          read = readRunState(state.id, { state: broken as StoredRun })
        } catch (error) {
          expect(error).toBeInstanceOf(RunStateError)
          expect(error).toMatchObject({ code: 'run-state', isRetryable: false })
          return
        }
        throw new Error(`It was read: ${path.keys.join('.')} is ${JSON.stringify(value)}: ${JSON.stringify(read)}`)
      }),
      { numRuns: Number(process.env.BROKEN_STATES ?? 5000) },
    )
  })

  it('names where it is broken', () => {
    const broken = (keys: readonly (string | number)[], value: unknown) => () =>
      readRunState('run_1', { state: mutated(v1State('accepted'), keys, value) as StoredRun })
    expect(broken(['submission', 'number'], undefined)).toThrow('its state is broken at submission.number')
    expect(broken(['submission', 'handle'], 'x')).toThrow('its state is broken at submission.handle')
    expect(broken(['lease'], 'x')).toThrow('its state is broken at formerLease')
    expect(broken(['v'], 3)).toThrow('its state is of a later version of the library: run_1 (v3)')
    expect(broken(['v'], '1')).toThrow('its state is broken at v')
    expect(broken([], null)).toThrow('Could not read the run, its state is broken')
  })
})

type Path = { readonly keys: readonly (string | number)[]; readonly type: string; readonly isOptional: boolean }

// What the pipeline does not read, or takes as any JSON; a strategy may have given the facts of a video in another form.
const UNREAD =
  /^(progress|request\.(?!prompt$|image$|video$)|video\.(?!id$|url$)|publication\.(?!id$)|resolved\.(?!url$)|uploaded\.(?!url$)|submission\.cursor|candidates\.\d+\.(?!url$|servedBy$)|attempts\.\d+\.errorCode|error\.(?!name$|code$|message$|isRetryable$|handle|errors)|error\.errors\.\d+\.(?!name$|code$|message$|isRetryable$))|\.operation(\.|$)/
// What 0.1.0 left out in some states.
const OPTIONAL =
  /^(lease|deadlineAt|owner|removedAt|stepStartedAt|submission|video|publication|resolved|uploaded|candidates|endedAt|isAborted|error|submission\.inquiries)$|\.(url|ratio|stage|isRetryable|handle|errors)$|^request\.(image|video)$/
const REQUIRED = /^(resolved|uploaded|candidates\.\d+)\.url$|^attempts\.\d+\.stage$|^submission\.handle$/

/** The places of a state that the pipeline reads. */
function readPaths(state: StoredRun): readonly Path[] {
  const paths: Path[] = []
  const { submission } = state as { submission?: { state: string } }
  const visit = (value: unknown, keys: readonly (string | number)[]) => {
    const name = keys.join('.')
    // A submission without a job has no polls.
    const hasPolls = submission?.state === 'accepted'
    const other = hasPolls ? /^submission\.inquiries/ : /^submission\.(readings|misses|lastingMisses)/
    if (UNREAD.test(name) || other.test(name)) return
    // In the present form one that was never sent has `null` there.
    if (name === 'submission.intentAt' && submission?.state === 'ready') return
    const isSentAt = name === 'submission.intentAt' && hasPolls
    if (keys.length > 0) {
      const isOptional = (isSentAt || OPTIONAL.test(name)) && !REQUIRED.test(name)
      paths.push({ keys, type: typeOf(value), isOptional })
    }
    if (typeof value !== 'object' || value === null) return
    for (const [key, part] of Object.entries(value)) visit(part, [...keys, Array.isArray(value) ? Number(key) : key])
  }
  visit(state, [])
  return paths
}

/** Whether a field with such a value makes a state that 0.1.0 never saved. */
function isBreaking({ keys, type, isOptional }: Path, value: unknown): boolean {
  // Less of a list is another list.
  if (value === undefined) return !isOptional && typeof keys.at(-1) !== 'number'
  if (type === 'array') return !(Array.isArray(value) && value.length === 0)
  // An object without the fields that are required is of another type.
  return type === 'object' ? true : typeOf(value) !== type || isWord(keys)
}

// A closed set of words, or a name that another text is not.
function isWord(keys: readonly (string | number)[]): boolean {
  return ['status', 'step', 'submission.state', 'v'].includes(keys.join('.')) || keys.at(-1) === 'servedBy'
}

function typeOf(value: unknown): string {
  if (value === null) return 'null'
  return Array.isArray(value) ? 'array' : typeof value
}

function mutated(value: unknown, [key, ...rest]: readonly (string | number)[], to: unknown): unknown {
  if (key === undefined) return to
  if (Array.isArray(value)) return value.map((part, index) => (index === key ? mutated(part, rest, to) : part))
  const { [key]: former, ...others } = value as Record<string | number, unknown>
  const changed = mutated(former, rest, to)
  return changed === undefined ? others : { ...others, [key]: changed }
}

/** Adds a field to every object. */
function withMarks(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withMarks)
  if (typeof value !== 'object' || value === null) return value
  // The metadata of a request is texts, whatever their names.
  const marked = Object.entries(value).map(([key, part]) => [key, key === 'metadata' ? part : withMarks(part)])
  return { ...Object.fromEntries(marked), unheardOf: 17 }
}

function marksIn(value: unknown): number {
  return JSON.stringify(value).split('"unheardOf":17').length - 1
}

function withoutInquiries({ inquiries: _, ...rest }: Record<string, unknown>): Record<string, unknown> {
  return rest
}
