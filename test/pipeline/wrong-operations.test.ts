import { describe, expect, it } from 'vitest'
import { memoryStore, SoraPipeline } from '../../src/index.js'
import { videosApiGenerator } from '../../src/strategies/index.js'
import { loopbackServer } from '../upstream/loopback-server.js'

/** A pipeline with a run in review: the answer to its submission was cut. */
async function inReview() {
  const server = await loopbackServer(({ method }, response, request) => {
    if (method === 'POST') return request.socket.destroy()
    return response.end(JSON.stringify({ id: 'video_1', status: 'completed', url: 'https://cdn.example/a.mp4' }))
  })
  const generator = videosApiGenerator({ baseUrl: `${server.origin}/v1` })
  const pipeline = new SoraPipeline({ generator, store: memoryStore(), pollSchedule: () => 5 })
  await expect(pipeline.run({ prompt: 'A cat' }, { id: 'run_1' }).result).rejects.toMatchObject({
    code: 'submission-unknown',
  })
  const creates = () => server.seen.filter(({ method }) => method === 'POST').length
  return { pipeline, creates }
}

describe.each([
  ['the id as a text', 'video_1'],
  ['an id that is empty', { id: '' }],
  ['a typo', { ID: 'video_1' }],
])('an operation that is %s', (_, operation) => {
  it('does not end the review of a run, and is refused with its field', async () => {
    const { pipeline, creates } = await inReview()
    await expect(pipeline.settle('run_1', { operation })).rejects.toMatchObject({
      code: 'request-invalid',
      message: expect.stringContaining('operation.id'),
    })
    expect(await pipeline.get('run_1')).toMatchObject({ status: 'needs-review' })
    await expect(pipeline.retry('run_1')).rejects.toMatchObject({ code: 'run-state' })
    const run = await pipeline.settle('run_1', { operation: { id: 'video_1' } })
    await expect(run.result).resolves.toMatchObject({ servedBy: 'generator' })
    expect(creates()).toBe(1)
  })

  it('is not adopted, and leaves no run', async () => {
    const { pipeline } = await inReview()
    const handle = { generator: 'videos-api', operation, startedAt: Date.now() }
    await expect(pipeline.adopt(handle, { id: 'run_2' })).rejects.toMatchObject({ code: 'request-invalid' })
    expect(await pipeline.get('run_2')).toBeUndefined()
  })
})
