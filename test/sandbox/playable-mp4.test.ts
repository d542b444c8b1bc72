import { describe, expect, it } from 'vitest'
import { toPlayableMp4 } from '../../src/sandbox/playable-mp4.js'

const box = (type: string, ...content: (Uint8Array | readonly number[])[]) => {
  const body = Buffer.concat(content.map((part) => Buffer.from(part)))
  const header = Buffer.alloc(8)
  header.writeUInt32BE(8 + body.length)
  header.write(type, 4, 'latin1')
  return Buffer.concat([header, body])
}

const uint32 = (...values: number[]) => {
  const bytes = Buffer.alloc(values.length * 4)
  for (const [index, value] of values.entries()) bytes.writeUInt32BE(value, index * 4)
  return bytes
}

const index = (offsets: Buffer) => {
  return box('moov', box('trak', box('mdia', box('minf', box('stbl', box('stsz', uint32(0, 5, 3)), offsets)))))
}

const typesOf = (file: Uint8Array) => {
  const text = Buffer.from(file).toString('latin1')
  return ['ftyp', 'moov', 'mdat', 'stss'].sort((a, b) => text.indexOf(a) - text.indexOf(b))
}

describe('toPlayableMp4', () => {
  it('moves the index to the front, adds the key frames and keeps the offsets true', () => {
    const file = Buffer.concat([box('ftyp', [1]), box('mdat', [7, 8, 9]), index(box('stco', uint32(0, 1, 17)))])
    const playable = Buffer.from(toPlayableMp4(file, { keyFrameInterval: 2 }))
    expect(typesOf(playable)).toEqual(['ftyp', 'moov', 'stss', 'mdat'])
    const keys = playable.indexOf('stss')
    expect([8, 12, 16].map((at) => playable.readUInt32BE(keys + at))).toEqual([2, 1, 3])
    const offset = playable.readUInt32BE(playable.indexOf('stco') + 12)
    expect([...playable.subarray(offset, offset + 3)]).toEqual([7, 8, 9])
  })

  it('takes 64-bit offsets and a 64-bit box', () => {
    const large = Buffer.concat([uint32(1), Buffer.from('mdat'), uint32(0, 19), Buffer.from([7, 8, 9])])
    const file = Buffer.concat([large, index(box('co64', uint32(0, 1, 0, 16))), box('free')])
    const playable = Buffer.from(toPlayableMp4(file, { keyFrameInterval: 1 }))
    const offset = Number(playable.readBigUInt64BE(playable.indexOf('co64') + 12))
    expect([...playable.subarray(offset, offset + 3)]).toEqual([7, 8, 9])
    expect(playable.subarray(-4).toString()).toBe('free')
  })

  it('clears the dates of the index, and nothing else', () => {
    const dated = box('moov', box('mvhd', uint32(0, 1, 2, 3)), box('trak', box('tkhd', uint32(1 << 24, 1, 2, 3, 4, 5))))
    const playable = Buffer.from(toPlayableMp4(Buffer.concat([box('mdat'), dated]), { keyFrameInterval: 1 }))
    const words = (type: string, count: number) => {
      const start = playable.indexOf(type) + 4
      return Array.from({ length: count }, (_, word) => playable.readUInt32BE(start + word * 4))
    }
    expect(words('mvhd', 4)).toEqual([0, 0, 0, 3])
    expect(words('tkhd', 6)).toEqual([1 << 24, 0, 0, 0, 0, 5])
  })

  it('refuses any other file', () => {
    expect(() => toPlayableMp4(box('ftyp'), { keyFrameInterval: 1 })).toThrow(/in the MP4: ftyp$/)
    expect(() => toPlayableMp4(Buffer.from('no video at all'), { keyFrameInterval: 1 })).toThrow(/at byte: 0$/)
    expect(() => toPlayableMp4(Buffer.from('no'), { keyFrameInterval: 1 })).toThrow(/at byte: 0$/)
  })
})
