import fc from 'fast-check'
import { expect, test } from 'vitest'
import { bestCandidate, isUsable } from '../../src/pipeline/candidates.js'
import { type Candidate, newRunState } from '../../src/pipeline/run-state.js'

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
  ...newRunState('run_1', { prompt: 'x' }, { now: 0, totalMs: Number.POSITIVE_INFINITY }),
  candidates,
})

test('a URL that nothing speaks against wins over every other, then the copy over the mirror over the origin', () => {
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

test('there is no best of none, and of one rank the newest is taken', () => {
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
