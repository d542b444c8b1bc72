import { expect, test } from 'vitest'
import { declaredMediaType, extensionOf, mediaTypeOf } from '../../src/upstream/media-type.js'

const bytes = (text: string) => new Uint8Array(Buffer.from(text, 'latin1'))

test.each([
  ['\0\0\0\x18ftypisom', 'video/mp4'],
  ['\0\0\0\x18ftypqt  ', 'video/quicktime'],
  ['\0\0\0\x18ftypavif', 'image/avif'],
  ['\0\0\0\x18ftypheic', 'image/heic'],
  ['\x1aE\xdf\xa3 and more', 'video/webm'],
  ['\x89PNG\r\n\x1a\n', 'image/png'],
  ['\xff\xd8\xff\xe0', 'image/jpeg'],
  ['GIF89a', 'image/gif'],
  ['RIFF\0\0\0\0WEBPVP8 ', 'image/webp'],
  ['RIFF\0\0\0\0WAVE', undefined],
  ['\xef\xbb\xbf  <html>', 'text/html'],
  [' {"error":1}', 'application/json'],
  ['[1]', 'application/json'],
  ['', undefined],
])('reads %j as %s', (text, expected) => {
  expect(mediaTypeOf(bytes(text))).toBe(expected)
})

test('a general media type says nothing', () => {
  const type = (value: string) => declaredMediaType(new Headers({ 'content-type': value }))
  expect(type('Video/MP4; codecs=x')).toBe('video/mp4')
  expect([
    type('application/octet-stream'),
    type('binary/octet-stream'),
    type(' '),
    declaredMediaType(new Headers()),
  ]).toEqual([undefined, undefined, undefined, undefined])
})

test('extensions', () => {
  expect([extensionOf('video/mp4'), extensionOf('video/webm'), extensionOf('video/x-odd')]).toEqual([
    '.mp4',
    '.webm',
    '.bin',
  ])
})
