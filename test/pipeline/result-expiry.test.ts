import { describe, expect, it } from 'vitest'
import { type Generator, SoraPipeline, type Uploader } from '../../src/index.js'
import { fakeGenerator, fakeTaskGenerator } from '../../src/testing/index.js'

const COPY = 'https://copies.example/a.mp4'
const soon = () => Date.now() + 3_600_000

function uploaderOf(expiresAt: unknown): Uploader {
  return { name: 'mine', upload: async () => ({ url: COPY, expiresAt: expiresAt as number }) }
}

describe('expiresAt of a result', () => {
  it.each([
    ['Unix seconds', () => Math.floor(soon() / 1000)],
    ['a text', () => new Date(soon()).toISOString()],
    ['a Date', () => new Date(soon())],
    ['a text of digits', () => String(soon())],
    ['NaN', () => Number.NaN],
  ])('that is %s does not lose the copy, and is reported', async (_, expiresAt) => {
    const pipeline = new SoraPipeline({ generator: fakeGenerator(), uploader: uploaderOf(expiresAt()) })
    const result = await pipeline.generate({ prompt: 'A cat' })
    expect(result).toMatchObject({ url: COPY, servedBy: 'uploader' })
    expect(result.warnings).toMatchObject([
      {
        code: 'invalid-result',
        stage: 'upload',
        message: expect.stringMatching(/^Could not use expiresAt of mine: .* \(give epoch milliseconds\)$/),
      },
    ])
    expect(await pipeline.get(result.runId)).not.toHaveProperty('urlExpiresAt')
  })

  it('that is in epoch milliseconds is kept, and one that is past counts', async () => {
    const until = soon()
    const pipeline = new SoraPipeline({ generator: fakeGenerator(), uploader: uploaderOf(until) })
    const { runId, url, warnings } = await pipeline.generate({ prompt: 'A cat' })
    expect([url, warnings]).toEqual([COPY, []])
    expect(await pipeline.get(runId)).toHaveProperty('urlExpiresAt', until)
    const past = new SoraPipeline({ generator: fakeGenerator(), uploader: uploaderOf(Date.now() - 1000) })
    expect((await past.generate({ prompt: 'A cat' })).servedBy).toBe('generator')
  })

  it.each([
    ['of one call', (video: object) => fakeGenerator({ outcome: video as never })],
    ['of tasks', (video: object) => fakeTaskGenerator({ video: video as never, polls: 0 })],
  ])('of a generator %s is checked as well', async (_, generatorOf) => {
    const video = { id: 'gen_1', url: 'https://cdn.example/a.mp4', expiresAt: Math.floor(soon() / 1000) }
    const pipeline = new SoraPipeline({ generator: generatorOf(video) as Generator, pollSchedule: () => 1 })
    const { url, warnings } = await pipeline.generate({ prompt: 'A cat' })
    expect(url).toBe(video.url)
    expect(warnings).toMatchObject([{ code: 'invalid-result', stage: 'generate' }])
  })
})
