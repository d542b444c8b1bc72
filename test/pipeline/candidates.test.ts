import fc from 'fast-check'
import { expect, test } from 'vitest'
import { bestCandidate, isUsable, withFound, withGenerated, withTrial } from '../../src/pipeline/state/candidates.js'
import { type Candidate, newRunState } from '../../src/pipeline/state/run-state.js'
import { firstSubmission } from '../../src/pipeline/state/submission.js'

const NOW = 1_000_000
const instant = fc.option(fc.integer({ min: NOW - 5, max: NOW + 5 }), { nil: undefined })
const anyCandidate = fc
  .record({
    url: fc.webUrl(),
    servedBy: fc.constantFrom<Candidate['servedBy']>('generator', 'resolver', 'uploader'),
    expiresAt: instant,
    verifiedAt: instant,
    failedAt: instant,
  })
  .map((fields) => JSON.parse(JSON.stringify(fields)) as Candidate)

const stateWith = (candidates: readonly Candidate[]) => ({
  ...newRunState({
    id: 'run_1',
    request: { prompt: 'x' },
    identity: { fingerprint: 'x' },
    now: 0,
    totalMs: Number.POSITIVE_INFINITY,
    isCallerId: false,
    submission: firstSubmission(null, { name: 'g' }),
  }),
  candidates,
})

test('a URL without known problems wins over every other, then the copy over the mirror over the origin', () => {
  const ranks = ['generator', 'resolver', 'uploader']
  fc.assert(
    fc.property(fc.array(anyCandidate, { minLength: 1, maxLength: 8 }), (candidates) => {
      const best = bestCandidate(stateWith(candidates), NOW)
      const usable = candidates.filter((one) => isUsable(one, NOW))
      const field = usable.length > 0 ? usable : candidates
      expect(field).toContainEqual(best)
      const highest = Math.max(...field.map(({ servedBy }) => ranks.indexOf(servedBy)))
      expect(best?.servedBy).toBe(ranks[highest])
    }),
  )
})

test('no candidates have no best one, and of one rank the newest is taken', () => {
  expect(bestCandidate(stateWith([]), NOW)).toBeUndefined()
  const two = ['old', 'new'].map((name): Candidate => ({ url: `https://a.example/${name}`, servedBy: 'generator' }))
  expect(bestCandidate(stateWith(two), NOW)).toMatchObject({ url: 'https://a.example/new' })
})

test.each([
  [{ expiresAt: NOW }, false],
  [{ expiresAt: NOW + 1 }, true],
  [{ failedAt: NOW - 1 }, false],
  [{ failedAt: NOW - 2, verifiedAt: NOW - 1 }, true],
  [{ failedAt: NOW - 1, verifiedAt: NOW - 2 }, false],
  [{ failedAt: NOW - 1, verifiedAt: NOW - 1 }, false],
])('with %j it is usable: %s', (facts, usable) => {
  expect(isUsable({ url: 'https://a.example/a', servedBy: 'generator', ...facts }, NOW)).toBe(usable)
})

test.each([
  [{ byteLength: 10 }, NOW],
  [{ mediaType: 'video/mp4' }, NOW],
  [{}, undefined],
])('a mirror that reports the file %j has seen it at %s', (facts, verifiedAt) => {
  const url = 'https://mirror.example/a'
  const [found] = withFound(stateWith([]), 'resolver', { url, ...facts }, NOW)
  expect(found).toEqual({ url, servedBy: 'resolver', ...(verifiedAt && { verifiedAt }) })
})

test('a URL that is reported again is kept once, as the newest, with what was seen of it', () => {
  const url = 'https://cdn.example/a'
  const other: Candidate = { url, servedBy: 'resolver' }
  const seen: Candidate = { url, servedBy: 'generator', verifiedAt: NOW - 2, failedAt: NOW - 1 }
  const told = withGenerated(stateWith([seen, other]), { id: 'gen_1', url, expiresAt: NOW + 9 })
  expect(told).toEqual([other, { ...seen, expiresAt: NOW + 9 }])
  const unseen = withGenerated(stateWith([other]), { id: 'gen_1', url })
  expect(unseen).toEqual([other, { url, servedBy: 'generator' }])
})

test('a trial is noted with the URL that was tried, and with no other', () => {
  const [a, b] = ['a', 'b'].map((name): Candidate => ({ url: `https://cdn.example/${name}`, servedBy: 'generator' }))
  const state = stateWith([a, b] as Candidate[])
  expect(withTrial(state, 'https://cdn.example/b', { didServe: true, at: NOW })).toEqual([a, { ...b, verifiedAt: NOW }])
  expect(withTrial(state, 'https://cdn.example/b', { didServe: false, at: NOW })).toEqual([a, { ...b, failedAt: NOW }])
})

test('of a video with a source only a public one is an address', () => {
  const open = () => Promise.reject(new Error('not opened'))
  const source = { url: 'https://cdn.example/a', expiresAt: NOW + 9, open }
  const known: Candidate = { url: 'https://cdn.example/old', servedBy: 'generator' }
  const state = stateWith([known])
  expect(withGenerated(state, { id: 'gen_1', source: { ...source, isPublic: true } })).toEqual([
    known,
    { url: source.url, servedBy: 'generator', expiresAt: NOW + 9 },
  ])
  expect(withGenerated(state, { id: 'gen_1', source: { ...source, isPublic: false } })).toEqual([known])
})
