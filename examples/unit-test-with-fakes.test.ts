// Your own code around a pipeline, tested without network, keys or waiting.
import { QuotaExceededError, SoraPipeline } from 'sora-pipeline'
import { fakeGenerator, fakeTaskGenerator, fakeUploader, manualClock } from 'sora-pipeline/testing'
import { describe, expect, it } from 'vitest'

/** An example of your own code. */
async function postVideo(pipeline: SoraPipeline, prompt: string): Promise<string> {
  const { url, isDegraded } = await pipeline.generate({ prompt })
  return isDegraded ? `${url} (not archived)` : url
}

describe('postVideo', () => {
  it('posts the archived copy', async () => {
    const pipeline = new SoraPipeline({ generator: fakeGenerator(), uploader: fakeUploader() })
    expect(await postVideo(pipeline, 'A cat')).toBe('https://drive.google.com/file/d/xxx/view')
  })

  it('says when the archive was full', async () => {
    const uploader = fakeUploader({
      outcome: new QuotaExceededError('Could not store the video: no space left in archive'),
    })
    const pipeline = new SoraPipeline({ generator: fakeGenerator(), uploader })
    expect(await postVideo(pipeline, 'A cat')).toMatch(/^https:.* \(not archived\)$/)
  })

  it('waits for a job of ten minutes in no time', async () => {
    const clock = manualClock()
    const generator = fakeTaskGenerator({ polls: 100 })
    const run = new SoraPipeline({ generator, clock, pollSchedule: () => 6000 }).run({ prompt: 'A cat' })
    const { durationMs } = await clock.runUntil(run.result)
    expect(durationMs).toBe(606_000)
    expect(generator.startCount).toBe(1)
  })
})
