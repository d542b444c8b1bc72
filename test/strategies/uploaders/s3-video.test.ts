import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { checkS3Options } from '../../../src/strategies/uploaders/s3/checked-s3-options.js'
import { openS3Video } from '../../../src/strategies/uploaders/s3/s3-transfer.js'
import { fakeSource } from '../../../src/testing/index.js'
import { stageContext } from '../../upstream/stage-context.js'

const MEBIBYTE = 1_048_576
const options = checkS3Options({
  endpoint: 'https://s3.example',
  region: 'us-east-1',
  bucket: 'videos',
  accessKeyId: 'id',
  secretAccessKey: 'a-secret-for-a-test',
  partBytes: 5 * MEBIBYTE,
  multipartFromBytes: 12 * MEBIBYTE,
})

async function hashOf(byteLength: number): Promise<string> {
  const video = openS3Video(fakeSource({ byteLength }), stageContext(), options)
  for (let offset = 0, isLast = false; !isLast; ) {
    const part = await video.at(offset)
    offset += part.byteLength
    isLast = part.isLast
  }
  return video.digest().hash
}

test.each([
  ['one request', 4 * MEBIBYTE],
  ['parts', 13 * MEBIBYTE],
])('bytes that go in %s are hashed as parts, and not a second time on the way', async (_, byteLength) => {
  expect(await hashOf(byteLength)).toBe('')
})

test('bytes that go in one stream are hashed on the way', async () => {
  const byteLength = 11 * MEBIBYTE
  const md5 = createHash('md5').update(fakeSource({ byteLength }).slice()).digest('hex')
  expect(await hashOf(byteLength)).toBe(md5)
})
