import { S3Client } from '@aws-sdk/client-s3'
import { Upload } from '@aws-sdk/lib-storage'
import type { CopyVideo } from '../../bytes/places.ts'

/** The upload of the AWS SDK, from the body of a fetch. */
export const copyVideo: CopyVideo = async ({ source, s3 }) => {
  const credentials = { accessKeyId: 'bench', secretAccessKey: 'bench-secret' }
  const client = new S3Client({ endpoint: s3, region: 'us-east-1', forcePathStyle: true, credentials })
  const { body } = await fetch(source)
  if (body === null) throw new Error('Could not read the video, it has no body')
  const params = { Bucket: 'bucket', Key: `${Math.random()}.mp4`, Body: body }
  await new Upload({ client, params, partSize: 8_388_608 }).done()
  client.destroy()
}
