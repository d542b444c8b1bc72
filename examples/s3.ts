// Keeps every video in an S3 bucket. With S3_URL it is yours: https://ID:SECRET@s3.eu-central-1.amazonaws.com/my-videos?region=eu-central-1,
// or https://ID:SECRET@ACCOUNT.r2.cloudflarestorage.com/my-videos?region=auto, where a character such as / of the secret is written as %2F.
// Without it the bucket is a store on loopback.
import { SoraPipeline } from 'sora-pipeline'
import { startSandbox } from 'sora-pipeline/sandbox'
import { s3Uploader, videosApiGenerator } from 'sora-pipeline/strategies'
import { startLoopbackS3 } from './loopback-s3.ts'

const sandbox = await startSandbox({ speed: 20 })
const store = process.env.S3_URL === undefined ? await startLoopbackS3() : undefined
const bucketUrl = new URL(process.env.S3_URL ?? `${store?.endpoint}/my-videos`)

const pipeline = new SoraPipeline({
  generator: videosApiGenerator(sandbox.videosApi),
  uploader: s3Uploader({
    endpoint: bucketUrl.origin,
    region: bucketUrl.searchParams.get('region') ?? 'eu-central-1',
    bucket: bucketUrl.pathname.slice(1),
    accessKeyId: decodeURIComponent(bucketUrl.username) || 'AKIAIOSFODNN7EXAMPLE',
    secretAccessKey: decodeURIComponent(bucketUrl.password) || 'the-secret-of-the-keys',
    key: 'videos/{date}/{runId}.{extension}',
    url: { presignSeconds: 86_400 },
  }),
  allowPrivateAddresses: ['127.0.0.1'],
})
const { url, uploaded } = await pipeline.generate({ prompt: 'A cat playing piano', durationSeconds: 4 })
const video = await fetch(url).then((answer) => answer.arrayBuffer())
console.log(`kept as ${uploaded?.id}, ${uploaded?.byteLength} bytes`)
console.log(`${video.byteLength} bytes come back until ${new Date(uploaded?.expiresAt ?? 0).toISOString()} from`)
console.log(url)
await pipeline.close()
await store?.close()
await sandbox.close()
