import { createHash, randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { PART_UNIT_BYTES as UNIT, uploadSession } from '../../../src/sandbox/drive/upload-session.js'

const bytes = randomBytes(UNIT * 4 + 777)
const total = bytes.length

const part = (start: number, end: number) => ({ kind: 'part', start, end, total }) as const
const chunksOf = (data: Uint8Array, size = 70_000): AsyncIterable<Uint8Array> => {
  const count = Math.ceil(data.length / size)
  return ReadableStream.from(
    Array.from({ length: count }, (_, index) => data.subarray(index * size, (index + 1) * size)),
  )
}
const session = (declaredBytes: number | undefined = total) => uploadSession({ declaredBytes, keepBytes: total })

describe('uploadSession', () => {
  it('ends with the same bytes, however the parts are cut and repeated', async () => {
    const step = fc.record({ units: fc.integer({ min: 1, max: 5 }), back: fc.nat({ max: 300_000 }), cutAt: fc.nat() })
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 8 }), async (steps) => {
        const upload = session()
        for (const { units, back, cutAt } of steps) {
          const stored = upload.storedBytes()
          const start = Math.max(0, stored - back)
          const end = Math.min(total, start + units * UNIT)
          if (stored === total) break
          expect(upload.objection(part(start, end))).toBeUndefined()
          const sent =
            cutAt % 3 === 0 ? bytes.subarray(start, start + (cutAt % (end - start))) : bytes.subarray(start, end)
          const outcome = await upload.append(part(start, end), chunksOf(sent))
          expect(outcome).toBe(sent.length < end - start ? 'cut' : 'stored')
          expect(upload.storedBytes() % UNIT === 0 || upload.storedBytes() === total).toBe(true)
        }
        const stored = upload.storedBytes()
        if (stored < total) await upload.append(part(stored, total), chunksOf(bytes.subarray(stored)))
        expect(upload.finish()).toMatchObject({ byteLength: total, md5: createHash('md5').update(bytes).digest('hex') })
      }),
      { numRuns: 25 },
    )
  })

  it('keeps whole units of a part whose connection breaks', async () => {
    const upload = session()
    const broken = (async function* () {
      yield bytes.subarray(0, UNIT + 5)
      throw new Error('gone')
    })()
    await expect(upload.append(part(0, total), broken)).rejects.toThrow('gone')
    expect(upload.storedBytes()).toBe(UNIT)
  })

  it('lets a later part end an earlier one that is still coming', async () => {
    const upload = session()
    const { promise, resolve } = Promise.withResolvers<void>()
    const slow = (async function* () {
      yield bytes.subarray(0, 10)
      await promise
      yield bytes.subarray(10, UNIT)
    })()
    const earlier = upload.append(part(0, UNIT), slow)
    expect(await upload.append(part(0, UNIT), chunksOf(bytes.subarray(0, UNIT)))).toBe('stored')
    resolve()
    expect(await earlier).toBe('cut')
    expect(upload.storedBytes()).toBe(UNIT)
  })

  it('refuses more bytes than a part has', async () => {
    expect(await session().append(part(0, UNIT), chunksOf(bytes.subarray(0, UNIT + 1)))).toBe('too-long')
  })

  it.each([
    ['another total', { ...part(0, UNIT), total: total + 1 }, /total of \d+ bytes is not/],
    ['an end after the total', { ...part(0, total + 1), total: undefined }, /ends after the/],
    ['a gap', part(UNIT, 2 * UNIT), /upload offset is 262144 byte\(s\), which exceeds already uploaded size of 0/],
    ['a part that is no multiple', part(0, UNIT + 1), /multiple of 262144 bytes: this one has 262145/],
    ['a question with another total', { kind: 'query', total: 3 } as const, /total of 3 bytes/],
  ])('objects to %s', (_, range, message) => {
    expect(session().objection(range)).toMatch(message)
  })

  it('takes the total from the first part that declares it', async () => {
    const upload = uploadSession({ declaredBytes: undefined, keepBytes: total })
    const first = { ...part(0, UNIT), total: undefined }
    expect(upload.objection(first)).toBeUndefined()
    await upload.append(first, chunksOf(bytes.subarray(0, UNIT)))
    expect(upload.totalBytes()).toBeUndefined()
    upload.settleTotal(UNIT)
    upload.settleTotal(9)
    expect(upload.totalBytes()).toBe(UNIT)
  })
})
