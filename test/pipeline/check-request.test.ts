import { describe, expect, it } from 'vitest'
import { InvalidRequestError, type VideoRequest } from '../../src/index.js'
import { checkRequest } from '../../src/pipeline/check-request.js'

const check = (fields: object) => checkRequest({ prompt: 'A cat', ...fields } as VideoRequest)

const deep = (levels: number): object => (levels === 0 ? {} : { in: deep(levels - 1) })

const refuse = (): never => {
  throw new RangeError('refused')
}

describe('checkRequest', () => {
  it.each([
    { size: '1x1' },
    { size: '1280x720' },
    { size: '10000x99999' },
    { aspectRatio: '1:1' },
    { aspectRatio: '16:9' },
    { aspectRatio: '1000:9999' },
    { seed: 0 },
    { durationSeconds: 0.5 },
    { audio: false },
    { metadata: {} },
    { metadata: { order: '17', empty: '' } },
    { providerOptions: { text: 'a', yes: true, number: 1.5, nothing: null, list: [1, ['b', { c: false }]] } },
    { model: 'a' },
    { storyboard: [{ durationSeconds: 1, prompt: 'A cat' }] },
    { image: 'http://a.example/a.png' },
    { image: 'DATA:image/svg+xml;charset=utf-8,<svg/>' },
    { video: 'data:video/mp4,x' },
    { image: { bytes: new Uint8Array(1), mediaType: 'IMAGE/svg+xml' } },
  ])('takes %j', (fields) => {
    expect(check(fields)).toMatchObject(fields)
  })

  it.each([
    [{ size: '01x1' }, 'size is "01x1"'],
    [{ metadata: { order: 17 } }, 'give an object of texts'],
    [{ metadata: { order: '17', by: null } }, 'give an object of texts'],
    [{ metadata: ['a'] }, 'give an object of texts'],
    [{ providerOptions: { a: Number.NaN } }, 'give a JSON object'],
    [{ providerOptions: { ok: 1, a: { b: [() => 1] } } }, 'give a JSON object'],
    [{ providerOptions: { a: Symbol('x') } }, 'give a JSON object'],
    [{ providerOptions: [1] }, 'give a JSON object'],
    [{ providerOptions: deep(102) }, 'give a JSON object'],
    [{ providerOptions: new Map([['a', 1]]) as never }, 'give a JSON object'],
    [{ providerOptions: { set: new Set([1]) as never } }, 'give a JSON object'],
    [{ size: '1x01' }, 'size is "1x01"'],
    [{ size: '100000x1' }, 'size is "100000x1"'],
    [{ size: '1x100000' }, 'size is "1x100000"'],
    [{ size: 'a1x1' }, 'size is "a1x1"'],
    [{ size: '1x1a' }, 'size is "1x1a"'],
    [{ size: '1ax1' }, 'size is "1ax1"'],
    [{ size: '1xa' }, 'size is "1xa"'],
    [{ aspectRatio: '01:1' }, 'aspectRatio is "01:1"'],
    [{ aspectRatio: '1:01' }, 'aspectRatio is "1:01"'],
    [{ aspectRatio: '10000:1' }, 'aspectRatio is "10000:1"'],
    [{ aspectRatio: '1:10000' }, 'aspectRatio is "1:10000"'],
    [{ aspectRatio: 'a1:1' }, 'aspectRatio is "a1:1"'],
    [{ aspectRatio: '1:1a' }, 'aspectRatio is "1:1a"'],
    [{ aspectRatio: '1a:1' }, 'aspectRatio is "1a:1"'],
    [{ seed: -1 }, 'seed is -1 (give a whole number from 0)'],
    [{ seed: '1' }, 'seed is "1" (give a whole number from 0)'],
    [{ durationSeconds: 0 }, 'durationSeconds is 0 (give seconds above 0)'],
    [{ durationSeconds: Number.POSITIVE_INFINITY }, 'durationSeconds is Infinity (give seconds above 0)'],
    [{ durationSeconds: '4' }, 'durationSeconds is "4" (give seconds above 0)'],
    [{ audio: 0 }, 'audio is 0 (give true or false)'],
    [{ storyboard: {} }, 'storyboard is an object (give at least one shot as { durationSeconds, prompt })'],
    [{ image: 'xdata:image/png,x' }, 'image is "xdata:image/png,x"'],
    [{ image: 'data:image/,x' }, 'image is "data:image/"'],
    [{ image: 'data:image/png;base64' }, 'image is "data:image/png"'],
    [{ image: 'xhttp://a.example' }, 'image is "xhttp://a.example"'],
    [{ image: 'httpx://a.example' }, 'image is "httpx://a.example"'],
    [{ image: { bytes: [1], mediaType: 'image/png' } }, 'image is an object'],
    [{ image: { bytes: new Uint8Array(1), mediaType: 'ximage/png' } }, 'image is an object'],
    [{ image: { bytes: new Uint8Array(1), mediaType: 'image/png;x' } }, 'image is an object'],
    [{ image: { bytes: new Uint8Array(1) } }, 'image is an object'],
    [{ metadata: [] }, 'metadata is an array of 0 (give an object of texts)'],
    [{ metadata: { a: 'b', c: 1 } }, 'metadata is an object (give an object of texts)'],
    [{ providerOptions: [] }, 'providerOptions is an array of 0 (give a JSON object)'],
    [{ providerOptions: { at: Number.NaN } }, 'providerOptions.at is NaN (give a JSON object)'],
    [{ providerOptions: { at: [1, { to: new Map() }] } }, 'providerOptions.at[1].to is'],
    [{ providerOptions: { at: new Uint8Array([1, 2]) } }, 'providerOptions.at is'],
    [{ providerOptions: { at: Buffer.from('a') } }, 'providerOptions.at is'],
    [{ providerOptions: new Map([['a', 1]]) }, 'providerOptions is'],
    [{ metadata: new Map([['order', '7']]) }, 'give an object of texts'],
    [{ metadata: new Headers({ order: '7' }) }, 'give an object of texts'],
    [{ metadata: new URLSearchParams('order=7') }, 'give an object of texts'],
    [{ references: new Array(2) }, 'references[1] is nothing'],
  ])('refuses %j', (fields, problem) => {
    expect(() => check(fields)).toThrow(InvalidRequestError)
    expect(() => check(fields)).toThrow(problem)
  })

  it('replaces half of a surrogate pair in every text', () => {
    expect(check({ model: 'a\udc00', remixOf: '\ud800' })).toMatchObject({ model: 'a\ufffd', remixOf: '\ufffd' })
  })

  it('gives providerOptions as they are sent', () => {
    const at = new Date(0)
    const link = new URL('https://a.example/')
    const given = { at, link, left: undefined, toJSON: undefined }
    expect(check({ providerOptions: given })).toEqual({
      prompt: 'A cat',
      providerOptions: { at: '1970-01-01T00:00:00.000Z', link: 'https://a.example/' },
    })
  })

  it.each([
    ['a getter', Object.defineProperty({ prompt: 'A cat' }, 'size', { enumerable: true, get: refuse })],
    ['a proxy', new Proxy({ prompt: 'A cat' }, { ownKeys: refuse })],
  ])('names a request whose %s throws', (_, request) => {
    expect(() => checkRequest(request as VideoRequest)).toThrow(/request is an object that throws RangeError/)
  })

  it.each([
    [
      'metadata',
      {
        get order(): string {
          return refuse()
        },
      },
    ],
    [
      'providerOptions',
      {
        get order(): string {
          return refuse()
        },
      },
    ],
    [
      'image',
      {
        bytes: new Uint8Array(1),
        get mediaType(): string {
          return refuse()
        },
      },
    ],
  ])('names %s whose getter throws', (field, value) => {
    expect(() => check({ [field]: value })).toThrow(InvalidRequestError)
    expect(() => check({ [field]: value })).toThrow(new RegExp(`${field}[.\\w]* is`))
  })

  it('leaves out what is undefined', () => {
    expect(Object.keys(check({ model: undefined, size: undefined }))).toEqual(['prompt'])
  })

  it('names every problem of a request, and of each shot', () => {
    const wrong = { prompt: '', size: 'big', storyboard: [{ prompt: 'A cat', durationSeconds: 1 }, { prompt: '' }] }
    const fields = (() => {
      try {
        return check(wrong)
      } catch (error) {
        return (error as InvalidRequestError).problems.map(({ field }) => field)
      }
    })()
    expect(fields).toEqual(['prompt', 'size', 'storyboard[1].durationSeconds', 'storyboard[1].prompt'])
  })
})
