// A video of Wan in Alibaba Cloud Model Studio, from an image. With DASHSCOPE_API_KEY it is Alibaba's own, and costs money; without it the
// sandbox answers as DashScope.
import { SoraPipeline } from 'sora-pipeline'
import { startSandbox } from 'sora-pipeline/sandbox'
import { dashscopeGenerator } from 'sora-pipeline/strategies'

const apiKey = process.env.DASHSCOPE_API_KEY
const sandbox = apiKey === undefined ? await startSandbox({ speed: 8 }) : undefined
const pixel =
  'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='

const pipeline = new SoraPipeline({
  generator: dashscopeGenerator({
    ...(sandbox === undefined
      ? { baseUrl: 'https://dashscope-intl.aliyuncs.com/api/v1', apiKey: apiKey ?? '' }
      : sandbox.providers.dashscope),
    model: 'wan2.7-i2v',
  }),
})
const run = pipeline.run({
  prompt: 'A cat playing piano',
  durationSeconds: 5,
  size: '1280x720',
  image: process.argv[2] ?? pixel,
})
for await (const event of run) {
  if (event.type === 'stage-progressed') console.log(event.phase)
}
const { url } = await run.result
console.log(`${url}, for 24 hours`)

await pipeline.close()
await sandbox?.close()
