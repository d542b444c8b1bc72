import fc from 'fast-check'
import { expect, test } from 'vitest'
import { excerptOf, readErrorDetails } from '../../src/upstream/error-details.js'
import { maskOf } from '../../src/upstream/secret.js'

test('an excerpt is short, has no tags, no control characters and no secret, whatever the body is', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.nat(300), (text, length) => {
      const excerpt = excerptOf(`${text}<b>canary-1</b>${'é'.repeat(length)}`, maskOf(['canary-1']))
      expect(excerpt.length).toBeLessThanOrEqual(200)
      expect(excerpt).not.toMatch(/<b>|canary-1|\p{Cc}/u)
      expect(excerpt.isWellFormed()).toBe(true)
    }),
  )
})

test.each([
  ['with tags in it', 'first-half<b>second-half</b>', 'is'],
  ['of several lines', 'first-half\n\nsecond-half\n', 'is'],
  ['where the text is cut', 'first-half-second-half', `is ${'<i>'.repeat(6660)}`],
])('no piece of a key %s is left in an excerpt', (_, key, before) => {
  for (let length = 0; length < 12; length += 1) {
    const excerpt = excerptOf(`${before}${'x'.repeat(length)} ${key}`, maskOf([key]))
    expect(excerpt).not.toMatch(/first-ha|second-half/)
  }
})

test('what is recognised only by its tag is left out of an excerpt', () => {
  const excerpt = excerptOf('<Error><SecretAccessKey>abcdef0123456789</SecretAccessKey> denied</Error>', maskOf([]))
  expect(excerpt).toBe('[redacted] denied')
})

test('a megabyte of opening brackets is read quickly', () => {
  const startedAt = performance.now()
  excerptOf('<'.repeat(1_000_000), maskOf([]))
  readErrorDetails('<'.repeat(1_000_000))
  expect(performance.now() - startedAt).toBeLessThan(500)
})

test('details of anything can be read', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (body) => {
      const { message, words } = readErrorDetails(JSON.stringify(body))
      expect(typeof message).toBe('string')
      expect(words.every((word) => typeof word === 'string')).toBe(true)
    }),
  )
})

test('words come from every layer', () => {
  const text = JSON.stringify({ code: 4, error: { code: 'a', type: 'b', reason: 'c' }, status: 'd' })
  expect(readErrorDetails(text).words).toEqual(['a', 'b', 'c', '4', 'd'])
  expect(readErrorDetails(JSON.stringify({ detail: { code: 'e', message: 'f' } }))).toMatchObject({
    words: ['e'],
    message: 'f',
  })
})

test.each([
  ['<!DOCTYPE html><p>x', true, ''],
  [' \n<html>', true, ''],
  ['<?xml version="1.0"?>', true, ''],
  ['<HEAD>', true, ''],
  ['<body>', true, ''],
  ['see <html>', false, 'see <html>'],
  ['<b>bold</b>', false, '<b>bold</b>'],
  [' a text\n', false, 'a text'],
  ['[1]', false, '[1]'],
  ['{"error":{"message":"a"},"detail":"b","message":"c"}', false, 'a'],
  ['{"error":"","detail":"b","message":"c"}', false, 'b'],
  ['{"message":"c"}', false, 'c'],
  ['{"id":1}', false, ''],
])('%j is a page: %s, and reads %j', (text, isPage, message) => {
  expect(readErrorDetails(text)).toMatchObject({ isPage, message })
})

test('an excerpt leaves out scripts, styles, tags and runs of blanks', () => {
  const excerpt = (text: string) => excerptOf(text, maskOf([]))
  expect(excerpt('<style type="a">b {}</style>A <script src="x">let y</script>\t\n B<br>C')).toBe('A B C')
  expect(excerpt('<scripts>kept</scripts>')).toBe('kept')
  expect(excerpt('a < b and\u0000c > d')).toBe('a < b and c > d')
  expect(excerpt('  a  ')).toBe('a')
  expect(excerpt('<!-- x -->A</p ><img alt="a>b">')).toBe('A b">')
  expect(excerpt('URL Error: <urlopen error [Errno 111] Connection refused>')).toBe(
    'URL Error: <urlopen error [Errno 111] Connection refused>',
  )
})
