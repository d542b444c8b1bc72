import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { UpstreamHttpError } from '../../../src/contracts/upstream-errors.js'
import { type VideoPart, videoWindow } from '../../../src/strategies/uploaders/video-window.js'
import { fakeSource } from '../../../src/testing/index.js'
import { eventually } from '../../support/eventually.js'
import { rejection, stageContext } from '../../upstream/stage-context.js'

const over = (source: Parameters<typeof videoWindow>[0], maxBytes = 1_000) =>
  videoWindow(source, { ...stageContext(), maxBytes, algorithm: () => 'md5' })
const bytesOf = ({ chunks }: VideoPart) => Buffer.concat(chunks)
const md5 = (bytes: Uint8Array) => createHash('md5').update(bytes).digest('hex')

describe('videoWindow', () => {
  test('gives part after part, and knows the last one before it is sent', async () => {
    const source = fakeSource({ byteLength: 2_500, chunkBytes: 300 })
    const window = over(source)
    const first = await window.at(0)
    expect(first).toMatchObject({ offset: 0, isLast: false, total: 2_500 })
    expect(bytesOf(first).equals(source.slice(0, 1_000))).toBe(true)
    const second = await window.at(1_000)
    expect(bytesOf(second).equals(source.slice(1_000, 2_000))).toBe(true)
    const last = await window.at(2_000)
    expect(last).toMatchObject({ offset: 2_000, isLast: true, total: 2_500 })
    expect(bytesOf(last).equals(source.slice(2_000))).toBe(true)
    expect(window.digest()).toEqual({ byteLength: 2_500, hash: md5(source.slice()) })
    expect(source.opens).toEqual([{ offset: 0 }])
    expect(source.openStreams).toBe(0)
  })

  test('knows the end of a source of unknown length, also at the end of a part', async () => {
    const source = fakeSource({ byteLength: 2_000, declaredByteLength: 'unknown', chunkBytes: 1_000 })
    const window = over(source)
    expect(await window.at(0)).toMatchObject({ isLast: false, total: undefined })
    expect(await window.at(1_000)).toMatchObject({ isLast: true, total: 2_000 })
  })

  test('gives nothing after the last byte', async () => {
    const window = over(fakeSource({ byteLength: 500 }))
    await window.at(0)
    expect(await window.at(500)).toMatchObject({ offset: 500, chunks: [], byteLength: 0, isLast: true, total: 500 })
  })

  test('goes back within the window without reading, and opens the source to go back further', async () => {
    const source = fakeSource({ byteLength: 3_000, chunkBytes: 100 })
    const window = over(source)
    await window.at(0)
    await window.at(1_000)
    expect(bytesOf(await window.at(1_400)).equals(source.slice(1_400, 2_400))).toBe(true)
    expect(source.opens).toEqual([{ offset: 0 }])
    expect(bytesOf(await window.at(700)).equals(source.slice(700, 1_700))).toBe(true)
    expect(source.opens).toEqual([{ offset: 0 }, { offset: 700 }])
    expect(source.openStreams).toBe(1)
    window.close()
    await expect.poll(() => source.openStreams).toBe(0)
  })

  test.each([
    ['is empty', fakeSource({ byteLength: 0 }), 'upstream-response'],
    [
      'is empty and does not declare it',
      fakeSource({ byteLength: 0, declaredByteLength: 'unknown' }),
      'upstream-response',
    ],
    ['is longer than declared', fakeSource({ byteLength: 900, declaredByteLength: 800 }), 'upstream-response'],
    ['is shorter than declared', fakeSource({ byteLength: 700, declaredByteLength: 800 }), 'upstream-response'],
    ['breaks', fakeSource({ failAfterBytes: 0 }), 'network'],
  ])('a source that %s is refused', async (_, source, code) => {
    expect(await rejection(over(source).at(0))).toMatchObject({ code })
  })

  test('reads the next part while one is used, and no further', async () => {
    const source = fakeSource({ byteLength: 100_000, chunkBytes: 100 })
    const window = over(source)
    for (const offset of [0, 1_000, 2_000]) {
      await window.at(offset)
      await eventually(() => expect(source.bytesGiven).toBe(offset + 2_000))
    }
    await new Promise((resolve) => setImmediate(resolve))
    expect(source.bytesGiven).toBe(4_000)
    window.close()
    await eventually(() => expect(source.openStreams).toBe(0))
  })

  test('a source that breaks for good breaks the part that lacks bytes, not the one before', async () => {
    const failure = new UpstreamHttpError('Could not download the video: gone', { status: 410 })
    const source = fakeSource({ byteLength: 5_000, chunkBytes: 100, failAfterBytes: 1_500, failure })
    const window = over(source)
    expect(await window.at(0)).toMatchObject({ byteLength: 1_000, isLast: false })
    expect(await rejection(window.at(1_000))).toBe(failure)
  })

  test('a close ends the read under way, and the part that waits for it', async () => {
    const source = fakeSource({ byteLength: 5_000, chunkBytes: 100, hangsAfterBytes: 1_500 })
    const window = over(source)
    await window.at(0)
    const waiting = rejection(window.at(1_000))
    await eventually(() => expect(source.bytesGiven).toBe(1_500))
    window.close()
    expect(await waiting).toBeInstanceOf(Error)
    await eventually(() => expect(source.openStreams).toBe(0))
  })

  test('whatever is stored of each part, the bytes and the digest are those of the source', async () => {
    const cases = fc.record({
      byteLength: fc.integer({ min: 1, max: 5_000 }),
      chunkBytes: fc.integer({ min: 1, max: 2_500 }),
      maxBytes: fc.integer({ min: 1, max: 1_500 }),
      isKnown: fc.boolean(),
      stored: fc.array(fc.integer({ min: -600, max: 1_500 }), { maxLength: 12 }),
    })
    await fc.assert(
      fc.asyncProperty(cases, async ({ byteLength, chunkBytes, maxBytes, isKnown, stored }) => {
        const declared = isKnown ? {} : { declaredByteLength: 'unknown' as const }
        const source = fakeSource({ byteLength, chunkBytes, ...declared })
        const window = over(source, maxBytes)
        const steps = stored.values()
        let offset = 0
        while (true) {
          const part = await window.at(offset)
          const end = offset + part.byteLength
          expect(part.offset).toBe(offset)
          expect(bytesOf(part).equals(source.slice(offset, end))).toBe(true)
          expect(part.byteLength).toBe(Math.min(maxBytes, byteLength - offset))
          expect(part.isLast).toBe(end === byteLength)
          const step = steps.next().value ?? part.byteLength
          offset = Math.max(0, Math.min(offset + step, end))
          if (offset === byteLength) break
        }
        expect(window.digest()).toEqual({ byteLength, hash: md5(source.slice()) })
        window.close()
      }),
      { numRuns: 150 },
    )
  })
})
