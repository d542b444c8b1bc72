import { CreateBucketCommand, ListMultipartUploadsCommand, PutBucketPolicyCommand, S3Client } from '@aws-sdk/client-s3'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { awsUploader } from '../../examples/storage-clients.js'
import { type FakeSource, fakeContext, fakeSource, uploaderConformance } from '../../src/testing/index.js'
import { systemClock } from '../../src/timing/system-clock.js'
import { rejection } from '../upstream/stage-context.js'
import { SERVER_KEYS, SERVER_REGION, type StorageServer, startStorageServer, titleOf } from './storage-server.js'

const { title, isLeftOut } = titleOf('versitygw', 'storageUploader with the client of AWS and a real server, versitygw')
const PART = 5_242_880

describe.skipIf(isLeftOut)(title, () => {
  let server: StorageServer
  let client: S3Client
  let buckets = 0
  beforeAll(async () => {
    server = await startStorageServer('versitygw')
    client = new S3Client({
      endpoint: server.origin,
      region: SERVER_REGION,
      credentials: SERVER_KEYS,
      forcePathStyle: true,
      maxAttempts: 1,
    })
  }, 60_000)
  afterAll(async () => {
    client?.destroy()
    await server?.close()
  })

  /** A bucket that anyone may read, and what is in it. */
  const makeBucket = async () => {
    buckets += 1
    const Bucket = `case-${buckets}`
    await client.send(new CreateBucketCommand({ Bucket }))
    const rule = { Effect: 'Allow', Principal: '*', Action: 's3:GetObject', Resource: `arn:aws:s3:::${Bucket}/*` }
    const Policy = JSON.stringify({ Version: '2012-10-17', Statement: [rule] })
    await client.send(new PutBucketPolicyCommand({ Bucket, Policy }))
    return {
      uploader: awsUploader(client, Bucket, `${server.origin}/${Bucket}`),
      secrets: [SERVER_KEYS.secretAccessKey],
      read,
      clock: systemClock,
      list: async () => {
        const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket }))
        const files = (await server.files()).filter((path) => path.startsWith(`/${Bucket}/`))
        return [...files, ...Uploads.map(({ UploadId }) => `upload ${UploadId}`)]
      },
    }
  }
  const read = async (url: string) => (await fetch(url)).bytes()
  const isStored = async (url: string, source: FakeSource) => Buffer.from(await read(url)).equals(source.slice())
  const context = (runId: string) => fakeContext({ clock: systemClock, runId })

  uploaderConformance({ test, timeoutMs: 30_000, sizes: [1, 65_536, 2 * PART + 1], create: makeBucket })

  test.each([1_000, PART + 500_000])(
    'a key of %i bytes is stored as it is, and left when it exists',
    async (byteLength) => {
      const [first, { uploader, list }] = [fakeSource({ byteLength }), await makeBucket()]
      const { url, id } = await uploader.upload(first, context('a b#c?d%25é'))
      expect([await isStored(url, first), id]).toEqual([true, 'a b#c?d%25é.mp4'])
      const before = await list()
      const error = await rejection(uploader.upload(fakeSource({ byteLength, seed: 7 }), context('a b#c?d%25é')))
      expect(error).toMatchObject({ code: 'request-invalid', message: expect.stringContaining('which is taken') })
      expect([await isStored(url, first), await list()]).toEqual([true, before])
    },
  )
})
