import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bytesFile, fileReply, parseByteRange } from '../../src/sandbox/file-reply.js'

const file = bytesFile(Buffer.from('0123456789'), { mediaType: 'video/mp4', modifiedAt: Date.UTC(2026, 0, 2) })

const ask = async (headers: Record<string, string>, method = 'GET') => {
  const reply = fileReply({ method, headers }, file)
  const parts: Uint8Array[] = []
  for await (const part of reply.body.read(0, reply.body.byteLength)) parts.push(part)
  return { status: reply.status, range: reply.headers['content-range'], text: Buffer.concat(parts).toString() }
}

describe('fileReply', () => {
  it.each([
    ['bytes=2-4', 206, 'bytes 2-4/10', '234'],
    ['bytes=7-', 206, 'bytes 7-9/10', '789'],
    ['bytes=-3', 206, 'bytes 7-9/10', '789'],
    ['bytes=-99', 206, 'bytes 0-9/10', '0123456789'],
    ['bytes=8-99', 206, 'bytes 8-9/10', '89'],
    ['bytes=10-', 416, 'bytes */10', ''],
    ['bytes=-0', 416, 'bytes */10', ''],
    ['bytes=4-2', 200, undefined, '0123456789'],
    ['bytes=0-1,4-5', 200, undefined, '0123456789'],
    ['bytes=-', 200, undefined, '0123456789'],
    ['pages=1-2', 200, undefined, '0123456789'],
  ])('answers %s with %i', async (range, status, contentRange, text) => {
    expect(await ask({ range })).toEqual({ status, range: contentRange, text })
  })

  it('honours a range only for the version that If-Range names', async () => {
    const range = 'bytes=0-0'
    expect((await ask({ range, 'if-range': file.etag })).status).toBe(206)
    expect((await ask({ range, 'if-range': 'Fri, 02 Jan 2026 00:00:00 GMT' })).status).toBe(206)
    expect((await ask({ range, 'if-range': '"another"' })).status).toBe(200)
  })

  it('declares the whole length to HEAD', async () => {
    expect((await ask({ range: 'bytes=0-0' }, 'HEAD')).status).toBe(200)
  })
})

describe('parseByteRange', () => {
  it('stays inside of the file whatever it is given', () => {
    const header = fc.oneof(
      fc.string(),
      fc.tuple(fc.nat(20), fc.nat(20)).map(([a, b]) => `bytes=${a}-${b}`),
    )
    fc.assert(
      fc.property(header, fc.nat(15), (text, byteLength) => {
        const range = parseByteRange(text, byteLength)
        if (typeof range !== 'object') return
        expect(range.start).toBeGreaterThanOrEqual(0)
        expect(range.start).toBeLessThan(range.end)
        expect(range.end).toBeLessThanOrEqual(byteLength)
      }),
    )
  })
})
