import fc from 'fast-check'
import { expect, test } from 'vitest'
import { NetworkError, UpstreamHttpError, type VideoSource } from '../../src/index.js'
import { fakeSource } from '../../src/testing/index.js'

async function read(source: VideoSource, offset?: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  for await (const chunk of await source.open({ offset })) chunks.push(chunk)
  return Buffer.concat(chunks)
}

test('gives the same bytes for any order of reads', async () => {
  const sizes = fc.record({ byteLength: fc.nat({ max: 200_000 }), chunkBytes: fc.integer({ min: 1, max: 100_000 }) })
  await fc.assert(
    fc.asyncProperty(sizes, fc.double({ min: 0, max: 1, noNaN: true }), async (options, part) => {
      fc.pre(options.byteLength / options.chunkBytes < 2000)
      const source = fakeSource(options)
      const offset = Math.floor(options.byteLength * part)
      const bytes = await read(source, offset)
      expect(Buffer.compare(bytes, source.slice(offset))).toBe(0)
      expect(bytes.length).toBe(options.byteLength - offset)
      expect(source.bytesGiven).toBe(bytes.length)
      expect(source.openStreams).toBe(0)
      expect(source.opens).toEqual([{ offset }])
    }),
    { numRuns: 50 },
  )
})

test('another seed has other bytes, the same seed the same', () => {
  const bytes = (seed: number) => Buffer.from(fakeSource({ byteLength: 64, seed }).slice()).toString('hex')
  expect(bytes(1)).toBe(bytes(1))
  expect(new Set([0, 1, 2, 3, 4].map(bytes)).size).toBe(5)
})

test('gives the bytes that it was given, as copies', async () => {
  const bytes = Uint8Array.of(1, 2, 3, 4)
  const source = fakeSource({ bytes, chunkBytes: 3 })
  const reader = (await source.open()).getReader()
  const { value } = await reader.read()
  expect(value).toEqual(Uint8Array.of(1, 2, 3))
  value?.fill(9)
  expect(await read(source, 1)).toEqual(Buffer.of(2, 3, 4))
  expect(source.slice()).toEqual(Uint8Array.of(1, 2, 3, 4))
})

test('has the given description, and leaves out what was not given', () => {
  const { open: _, slice: __, ...plain } = fakeSource()
  expect(plain).toEqual({
    isPublic: false,
    mediaType: 'video/mp4',
    byteLength: 1000,
    opens: [],
    openStreams: 0,
    bytesGiven: 0,
  })
  const told = { isPublic: true, url: 'https://cdn.example/a.webm', mediaType: 'video/webm', expiresAt: 5 }
  expect(fakeSource({ ...told, declaredByteLength: 7 })).toMatchObject({ ...told, byteLength: 7 })
  expect(fakeSource({ declaredByteLength: 'unknown' })).not.toHaveProperty('byteLength')
})

test('breaks the streams that it is configured to break, after as many bytes', async () => {
  const source = fakeSource({ byteLength: 100, failAfterBytes: [40, 0] })
  const given: number[] = []
  for (const offset of [0, 40]) {
    await expect(read(source, offset)).rejects.toBeInstanceOf(NetworkError)
    given.push(source.bytesGiven)
  }
  expect(given).toEqual([40, 40])
  expect((await read(source, 40)).length).toBe(60)
  expect(source.openStreams).toBe(0)
})

test('breaks every stream for a single number, with the error that it was given', async () => {
  const failure = new Error('Could not read: disk')
  const source = fakeSource({ failAfterBytes: 10, failure })
  for (const _ of [1, 2]) await expect(read(source)).rejects.toBe(failure)
})

test('hangs until it is aborted, and then errors with the reason itself', async () => {
  const source = fakeSource({ hangsAfterBytes: 500, chunkBytes: 300 })
  const controller = new AbortController()
  const reader = (await source.open({ signal: controller.signal })).getReader()
  expect([(await reader.read()).value?.length, (await reader.read()).value?.length]).toEqual([300, 200])
  const last = reader.read()
  expect(source.openStreams).toBe(1)
  const reason = new Error('enough')
  controller.abort(reason)
  await expect(last).rejects.toBe(reason)
  expect(source.openStreams).toBe(0)
  await expect(source.open({ signal: controller.signal })).rejects.toBe(reason)
  expect(source.opens.length).toBe(1)
})

test('closes when a reader cancels, once', async () => {
  const controller = new AbortController()
  const source = fakeSource({ hangsAfterBytes: 0 })
  const stream = await source.open({ signal: controller.signal })
  await stream.cancel()
  controller.abort()
  expect(source.openStreams).toBe(0)
})

test('reads nothing ahead', async () => {
  const source = fakeSource({ byteLength: 1_000_000 })
  const reader = (await source.open()).getReader()
  await reader.read()
  expect(source.bytesGiven).toBe(65_536)
  await reader.cancel()
})

test.each([1001, -1, 0.5])('refuses the offset %s', async (offset) => {
  const source = fakeSource()
  const failure = source.open({ offset })
  await expect(failure).rejects.toBeInstanceOf(UpstreamHttpError)
  await expect(failure).rejects.toMatchObject({
    status: 416,
    message: `Could not open the source at the offset: ${offset}`,
  })
  expect(source.opens).toEqual([])
})
