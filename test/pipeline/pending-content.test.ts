import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { SoraPipeline } from '../../src/index.js'
import { directoryUploader, videosApiGenerator } from '../../src/strategies/index.js'
import { fastClock } from '../faults/fast-clock.js'
import { loopbackServer, videoBytes } from '../upstream/loopback-server.js'

const VIDEO = videoBytes(1_000)
const JOB = { id: 'video_1', object: 'video', status: 'completed', progress: 100 }

let directory: string
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sora-pending-'))
})
afterAll(() => rm(directory, { recursive: true }))

/** A run whose job is completed at once, on a server whose `/content` gives the video after so many other answers. */
async function runWith(status: number, body: string, misses: number) {
  let asked = 0
  let creates = 0
  const server = await loopbackServer(({ url, method }, response) => {
    if (method === 'POST') creates += 1
    if (!url?.endsWith('/content')) return response.writeHead(200).end(JSON.stringify(JOB))
    asked += 1
    if (asked <= misses) return response.writeHead(status, { 'content-type': 'application/json' }).end(body)
    return response.writeHead(200, { 'content-type': 'video/mp4' }).end(VIDEO)
  })
  const generator = videosApiGenerator({ baseUrl: `${server.origin}/v1`, apiKey: 'key_1', encoding: 'json' })
  const deadlines = { uploadMs: 60_000 }
  const uploader = directoryUploader({ directory, publicBaseUrl: 'https://files.example' })
  const pipeline = new SoraPipeline({ generator, uploader, clock: fastClock(25), deadlines })
  const outcome = await pipeline.generate({ prompt: 'A cat' }).catch((error: unknown) => error)
  return { outcome, creates: () => creates }
}

describe('a completed job whose file is not ready', () => {
  it.each([
    [202, ''],
    [200, '{"detail":"not ready yet"}'],
    [404, '{"error":{"message":"Not found"}}'],
    [409, '{"error":{"message":"Video is not ready"}}'],
    [425, ''],
  ])('is uploaded when it is: %i %s', async (status, body) => {
    const { outcome, creates } = await runWith(status, body, 4)
    expect(outcome).toMatchObject({ servedBy: 'uploader' })
    expect(creates()).toBe(1)
  })

  it('ends with an error that has the handle of the job, if it never is', async () => {
    const { outcome, creates } = await runWith(202, '', 9_999)
    expect(outcome).toMatchObject({ code: 'no-usable-url', handle: { operation: { id: 'video_1' } } })
    expect(creates()).toBe(1)
  })
})
