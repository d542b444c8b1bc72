import { expect, test } from 'vitest'
import { declaredMediaType, extensionOf, mediaTypeOf } from '../../src/upstream/media-type.js'

const bytes = (text: string) => new Uint8Array(Buffer.from(text, 'latin1'))

test.each([
  ['\0\0\0\x18ftypisom', 'video/mp4'],
  ['\0\0\0\x18ftypqt  ', 'video/quicktime'],
  ['\0\0\0\x18ftypavif', 'image/avif'],
  ['\0\0\0\x18ftypheic', 'image/heic'],
  ['\0\0\0\x18ftypavis', 'image/avif'],
  ['\0\0\0\x18ftypheix', 'image/heic'],
  ['\0\0\0\x18ftypmif1', 'image/heic'],
  ['\0\0\0\x18ftypM4V ', 'video/mp4'],
  ['\0\0\0\x18moov', 'video/quicktime'],
  ['\0\0\0\x18mdat', 'video/quicktime'],
  ['\0\0\0\x18wide', 'video/quicktime'],
  ['\0\0\0\x18free', 'video/quicktime'],
  ['\0\0\0\x18skip', 'video/quicktime'],
  ['\0\0\0\x18pnot', 'video/quicktime'],
  ['\0\0\0\x18smoov', undefined],
  ['\0\0\0\x18moo', undefined],
  ['RIFF\0\0\0\0AVI LIST', 'video/x-msvideo'],
  ['LIST\0\0\0\0AVI LIST', undefined],
  ['LIST\0\0\0\0WEBP', undefined],
  ['ftypisom', undefined],
  ['\x1aE\xdf\xa3 and more', 'video/webm'],
  [' \x1aE\xdf\xa3', undefined],
  ['\x89PNG\r\n\x1a\n', 'image/png'],
  ['\xff\xd8\xff\xe0', 'image/jpeg'],
  ['GIF89a', 'image/gif'],
  ['a GIF89a', undefined],
  ['RIFF\0\0\0\0WEBPVP8 ', 'image/webp'],
  ['RIFF\0\0\0\0WAVE', undefined],
  ['\xef\xbb\xbf  <html>', 'text/html'],
  ['<\xef\xbb\xbf', 'text/html'],
  ['x\xef\xbb\xbf<html>', undefined],
  [`${' '.repeat(31)}<`, 'text/html'],
  [`${' '.repeat(32)}<`, undefined],
  ['a {"error":1}', undefined],
  [' {"error":1}', 'application/json'],
  ['[1]', 'application/json'],
  ['', undefined],
])('reads %j as %s', (text, expected) => {
  expect(mediaTypeOf(bytes(text))).toBe(expected)
})

test('a general media type is no evidence', () => {
  const type = (value: string) => declaredMediaType(new Headers({ 'content-type': value }))
  expect(type('Video/MP4; codecs=x')).toBe('video/mp4')
  expect([
    type('application/octet-stream'),
    type('binary/octet-stream'),
    type(' '),
    declaredMediaType(new Headers()),
  ]).toEqual([undefined, undefined, undefined, undefined])
})

test('only the general types are no evidence', () => {
  const type = (value: string) => declaredMediaType(new Headers({ 'content-type': value }))
  expect(type('x-application/octet-stream')).toBe('x-application/octet-stream')
  expect(type('application/octet-stream-like')).toBe('application/octet-stream-like')
  expect(type('video/webm ; a=b; c=d')).toBe('video/webm')
})

test.each([
  ['video/mp4', '.mp4'],
  ['video/webm', '.webm'],
  ['video/quicktime', '.mov'],
  ['image/png', '.png'],
  ['image/jpeg', '.jpg'],
  ['image/gif', '.gif'],
  ['image/webp', '.webp'],
  ['image/avif', '.avif'],
  ['image/heic', '.heic'],
  ['video/x-odd', '.bin'],
])('the extension of %s is %s', (type, extension) => {
  expect(extensionOf(type)).toBe(extension)
})
