import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { VideoRequest } from '../../src/index.js'
import { identityOf } from '../../src/pipeline/state/request-fingerprint.js'

const anyRequest = fc.record({ prompt: fc.string(), providerOptions: fc.dictionary(fc.string(), fc.jsonValue()) })

/** The same value with the keys of every object the other way round. */
function turned<T>(value: T): T {
  if (Array.isArray(value)) return value.map(turned) as T
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).map(([key, part]) => [key, turned(part)])
  return Object.fromEntries(entries.reverse()) as T
}

test('the order of keys, at any depth, does not change the request', () => {
  fc.assert(
    fc.property(anyRequest, (request) => {
      expect(identityOf(turned(request) as VideoRequest, undefined)).toEqual(
        identityOf(request as VideoRequest, undefined),
      )
    }),
  )
})

test.each<[string, Partial<VideoRequest>, Partial<VideoRequest>]>([
  ['another text', { prompt: 'A cat' }, { prompt: 'A dog' }],
  ['another order of shots', { providerOptions: { cuts: [1, 2] } }, { providerOptions: { cuts: [2, 1] } }],
  ['a value deep inside', { providerOptions: { a: { b: 1 } } }, { providerOptions: { a: { b: 2 } } }],
  ['nothing in the place of something', { providerOptions: { a: null } }, { providerOptions: { a: {} } }],
  ['a list in the place of an object', { providerOptions: { a: ['x'] } }, { providerOptions: { a: { 0: 'x' } } }],
  ['another image', { image: 'https://a.example/1.png' }, { image: 'https://a.example/2.png' }],
  ['a video where there was an image', { image: 'https://a.example/1' }, { video: 'https://a.example/1' }],
])('%s makes another request', (_, one, other) => {
  const of = (request: Partial<VideoRequest>) => identityOf({ prompt: 'A cat', ...request }, undefined).fingerprint
  expect(of(one)).not.toBe(of(other))
})

test('bytes are the same request as their data URL, and another owner makes another request', () => {
  const media = { bytes: new Uint8Array([1, 2, 3]), mediaType: 'video/mp4' }
  const asBytes = identityOf({ prompt: 'A cat', video: media }, 'ann')
  expect(identityOf({ prompt: 'A cat', video: 'data:video/mp4;base64,AQID' }, 'ann')).toEqual(asBytes)
  expect(asBytes.owner).toBe('ann')
  expect(identityOf({ prompt: 'A cat' }, undefined)).not.toHaveProperty('owner')
})
