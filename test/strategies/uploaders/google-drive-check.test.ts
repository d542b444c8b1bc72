import { expect, test, vi } from 'vitest'
import { checkStored, md5Of } from '../../../src/strategies/uploaders/google-drive/google-drive-check.js'
import { fakeSource } from '../../../src/testing/index.js'
import { rejection, stageContext } from '../../upstream/stage-context.js'

const READ = { byteLength: 9, hash: 'a5' }
const stored = (more: object) => ({
  id: '1',
  byteLength: 9,
  sha256: undefined,
  md5: undefined,
  pageUrl: undefined,
  ...more,
})

test.each([
  ['the same SHA-256, whatever the MD5', { sha256: 'a5', md5: 'other' }, 0],
  ['no SHA-256 and the same MD5', { md5: 'e1' }, 1],
  ['neither', {}, 0],
])('a file with %s is the video', async (_, more, reads) => {
  const readMd5 = vi.fn(async () => 'e1')
  await checkStored(stored(more), READ, readMd5)
  expect(readMd5).toHaveBeenCalledTimes(reads)
})

test.each([
  [{ byteLength: 8, sha256: 'a5' }, '8 bytes and not 9'],
  [{ sha256: 'b6', md5: 'e1' }, 'with SHA-256 b6 and not a5'],
  [{ md5: 'e2' }, 'with MD5 e2 and not e1'],
])('a file with %j is another one', async (more, problem) => {
  const error = await rejection(checkStored(stored(more), READ, async () => 'e1'))
  const message = `Could not upload the video: Google Drive stored other bytes, ${problem}`
  expect(error).toMatchObject({ code: 'upstream-response', message })
})

test('the MD5 of a source is that of all its bytes, over a cut', async () => {
  const bytes = Buffer.from('The quick brown fox jumps over the lazy dog')
  const source = fakeSource({ bytes, chunkBytes: 7, failAfterBytes: [20] })
  expect(await md5Of(source, stageContext())).toBe('9e107d9d372bb6826bd81d3542a419d6')
  expect(source.opens.length).toBe(2)
})
