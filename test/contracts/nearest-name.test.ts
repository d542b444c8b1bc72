import { expect, test } from 'vitest'
import { editsBetween, nearestName } from '../../src/contracts/nearest-name.js'

test.each([
  ['dmeo', ['demo', 'play'], 'demo'],
  ['apiKye', ['apiKey', 'baseUrl'], 'apiKey'],
  ['--versoin', ['--help', '--version'], '--version'],
  ['retries', ['maxAttempts'], 'maxAttempts'],
])('%s stands for a known name of %j: %s', (given, known, expected) => {
  expect(nearestName(given, known)).toBe(expected)
})

test.each([['constructor'], ['toString'], ['__proto__'], ['hasOwnProperty']])(
  'a name that every object has is near to none: %s',
  (given) => {
    expect(nearestName(given, ['apiKey', 'baseUrl'])).toBeUndefined()
  },
)

test.each([
  ['', 'abc', 3],
  ['abc', 'abc', 0],
  ['abc', 'acb', 1],
  ['abcd', 'badc', 2],
  ['demo', 'memo', 1],
  ['ca', 'abc', 3],
])('%j and %j differ by %i edits', (a, b, edits) => {
  expect(editsBetween(a, b)).toBe(edits)
  expect(editsBetween(b, a)).toBe(edits)
})
