import { SoraPipeline, type Uploader } from 'sora-pipeline'

/** A whole run whose generator answers at once, so that its upload is all that takes time. */
export async function uploadWith(uploader: Uploader, url: string): Promise<void> {
  const pipeline = new SoraPipeline({
    generator: { name: 'mock', generate: async () => ({ id: 'gen_1', url }) },
    uploader,
    allowPrivateAddresses: ['127.0.0.1'],
  })
  const { servedBy } = await pipeline.generate({ prompt: 'A cat playing piano' })
  if (servedBy !== 'uploader') throw new Error(`Could not upload the video, its URL comes from: ${servedBy}`)
  await pipeline.close()
}
