import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { InvalidRequestError } from '../../../src/contracts/input-errors.js'
import { dataUrlOf, readMediaFile } from '../../../src/strategies/generators/media-file.js'

const PNG = new Uint8Array(Buffer.from('\x89PNG\r\n\x1a\n and the rest', 'latin1'))
const MP4 = new Uint8Array(Buffer.from('\0\0\0\x18ftypisom and the rest', 'latin1'))

describe('readMediaFile', () => {
  test('an address stays an address', () => {
    expect(readMediaFile('https://a.example/i.png', 'image')).toEqual({ kind: 'url', url: 'https://a.example/i.png' })
  })

  test('bytes and data URLs become a file of the type that their bytes reveal', () => {
    const expected = { kind: 'file', bytes: PNG, mediaType: 'image/png', name: 'image.png' }
    expect(readMediaFile({ bytes: PNG, mediaType: 'image/jpeg' }, 'image')).toEqual(expected)
    const base64 = Buffer.from(PNG).toString('base64')
    expect(readMediaFile(`data:image/png;base64,${base64}`, 'image')).toEqual(expected)
    expect(readMediaFile(`data:image/png;name=a;base64,${encodeURIComponent(base64)}`, 'image')).toEqual(expected)
    const percent = [...PNG].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('')
    expect(readMediaFile(`data:,${percent}`, 'image')).toEqual(expected)
    expect(readMediaFile({ bytes: MP4, mediaType: 'video/mp4' }, 'video')).toMatchObject({ name: 'video.mp4' })
  })

  test.each([
    'a word',
    'ftp://a.example/i.png',
    'data:image/png',
    'data:image/png;base64,%%%',
    'data:image/png;base64,!!!!',
    'data:image/png;base64,PGh0bWw+',
    'data:image/png;base64,',
    'data:image/png,ünicode€',
    `data:video/mp4;base64,${Buffer.from(MP4).toString('base64')}`,
  ])('refuses %j as an image', (input) => {
    expect(() => readMediaFile(input, 'image')).toThrow(InvalidRequestError)
  })

  test.each([
    [{ bytes: MP4, mediaType: 'image/png' }, 'image', 'image/png data that is video/mp4', 'give the bytes of a PNG'],
    [{ bytes: PNG, mediaType: '' }, 'video', 'untyped data that is image/png', 'give the bytes of an MP4, QuickTime'],
    [{ bytes: new Uint8Array(), mediaType: 'x/y' }, 'image', 'x/y data that is empty', 'give the bytes of a PNG'],
    [
      { bytes: new Uint8Array([1]), mediaType: 'x/y' },
      'image',
      'x/y data that is of an unknown kind',
      'give the bytes',
    ],
    ['a word', 'image', 'a word', 'give an https address, a data URL or bytes'],
    ['data:image/png;base64', 'image', 'data:…', 'give an https address, a data URL or bytes'],
    ['data:image/png;base64,!!!!', 'image', 'data:…', 'give a data URL with valid base64'],
    ['data:image/png;base64,%%%', 'image', 'data:…', 'give a data URL with valid base64'],
    ['data:image/png,ünicode€', 'image', 'data:…', 'give a data URL in ASCII'],
  ] as const)('refuses %j as %s, and names what to give', (input, field, value, fix) => {
    expect(() => readMediaFile(input, field)).toThrow(value)
    expect(() => readMediaFile(input, field)).toThrow(fix)
  })

  test('reads every spelling of a data URL', () => {
    const base64 = Buffer.from(PNG).toString('base64')
    const written = [
      `DATA:image/png;charset=x; BASE64 ,${base64}`,
      `data:;base64,${base64.slice(0, 4)}\n ${base64.slice(4)}`,
    ]
    for (const url of [...written, `data:;base64,${base64.replaceAll('+', '-').replaceAll('/', '_')}`])
      expect(readMediaFile(url, 'image')).toMatchObject({ bytes: PNG })
    expect(() => readMediaFile(`data:;base64x,${base64}`, 'image')).toThrow(InvalidRequestError)
    expect(readMediaFile('HTTP://a.example/i.png', 'image')).toMatchObject({ kind: 'url' })
    expect(() => readMediaFile('http://', 'image')).toThrow(InvalidRequestError)
    expect(() => readMediaFile('see https://a.example/i.png', 'image')).toThrow(InvalidRequestError)
  })

  test('refuses bytes that are not a video', () => {
    expect(() => readMediaFile({ bytes: PNG, mediaType: 'video/mp4' }, 'video')).toThrow(
      /video\/mp4 data that is image\/png/,
    )
  })

  test('a data URL gives back the bytes that it was made of', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (tail) => {
        const bytes = new Uint8Array([...PNG, ...tail])
        const url = dataUrlOf({ kind: 'file', bytes, mediaType: 'image/png', name: 'image.png' })
        expect(readMediaFile(url, 'image')).toMatchObject({ bytes })
      }),
    )
  })

  test('never throws anything but its own error', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        try {
          readMediaFile(`data:${text}`, 'image')
        } catch (error) {
          expect(error).toBeInstanceOf(InvalidRequestError)
        }
      }),
    )
  })
})
