// Keeps every video in an S3 bucket. Here it is a store on loopback: put the address and the keys of your own in the place of it.
import { SoraPipeline } from 'sora-pipeline'
import { startSandbox } from 'sora-pipeline/sandbox'
import { s3Uploader, videosApiGenerator } from 'sora-pipeline/strategies'
import { startLoopbackS3 } from './loopback-s3.ts'

const sandbox = await startSandbox({ speed: 20 })
const store = await startLoopbackS3()
const pipeline = new SoraPipeline({
  generator: videosApiGenerator(sandbox.videosApi),
  uploader: s3Uploader({
    endpoint: store.endpoint, // https://s3.eu-central-1.amazonaws.com, https://ACCOUNT.r2.cloudflarestorage.com, …
    region: 'eu-central-1', // auto for R2
    bucket: 'my-videos',
    accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
    secretAccessKey: 'the-secret-of-the-keys',
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
await store.close()
await sandbox.close()
