import { describe, expect, it } from 'vitest'
import { videoJobs } from '../../src/sandbox/video-jobs.js'
import { toVideoObject } from '../../src/sandbox/video-object.js'
import type { VideoRenderer } from '../../src/sandbox/video-renderer.js'

const request = { prompt: 'A cat', model: 'sora-2', seconds: '4', size: '640x360' }

const start = ({ speed = 1, seed = 1 }: { readonly speed?: number; readonly seed?: number } = {}) => {
  const time = { now: 1_000_000 }
  const renders: PromiseWithResolvers<Uint8Array>[] = []
  const signals: (AbortSignal | undefined)[] = []
  const renderer: VideoRenderer = {
    render: (_, signal) => {
      const render = Promise.withResolvers<Uint8Array>()
      renders.push(render)
      signals.push(signal)
      return render.promise
    },
    close: async () => {},
  }
  return { jobs: videoJobs({ renderer, speed, seed, now: () => time.now }), time, renders, signals }
}

describe('videoJobs', () => {
  it('goes from the line to work, and is completed only when its video is there', async () => {
    const { jobs, time, renders } = start()
    const job = jobs.create(request)
    expect(job.state()).toEqual({ status: 'queued', progress: 0 })
    const seen: number[] = []
    for (let step = 0; step < 70; step += 1) {
      time.now += 100
      const state = job.state()
      if (state.status === 'in_progress') seen.push(state.progress)
    }
    expect(seen).toEqual(seen.toSorted((a, b) => a - b))
    expect(new Set(seen).size).toBeGreaterThan(40)
    expect(seen.at(-1)).toBe(99)
    const video = new Uint8Array(3)
    renders[0]?.resolve(video)
    await renders[0]?.promise
    expect(job.state()).toEqual({ status: 'completed', video, completedAt: 1_007_000 })
  })

  it('is not completed before its time, however soon the video is ready', async () => {
    const { jobs, time, renders } = start({ speed: 20 })
    const job = jobs.create(request)
    renders[0]?.resolve(new Uint8Array(1))
    await renders[0]?.promise
    expect(job.state().status).toBe('queued')
    time.now += 260
    expect(job.state().status).toBe('in_progress')
    time.now += 70
    expect(job.state().status).toBe('completed')
  })

  it('takes about six seconds, varied by the seed in a way that can be repeated', async () => {
    const durations = async (seed: number) => {
      const { jobs, time, renders } = start({ seed })
      const made = Array.from({ length: 8 }, () => jobs.create(request))
      for (const { resolve } of renders) resolve(new Uint8Array(1))
      await Promise.all(renders.map(({ promise }) => promise))
      time.now += 60_000
      return made.map((job) => {
        const state = job.state()
        return state.status === 'completed' ? state.completedAt - job.createdAt : 0
      })
    }
    const first = await durations(1)
    expect(await durations(1)).toEqual(first)
    expect(await durations(500)).not.toEqual(first)
    expect(Math.min(...first)).toBeGreaterThanOrEqual(5_400)
    expect(Math.max(...first)).toBeLessThanOrEqual(6_600)
    expect(new Set(first).size).toBeGreaterThan(1)
  })

  it('fails when the video could not be rendered', async () => {
    const { jobs, renders } = start()
    const [first, second] = [jobs.create(request), jobs.create(request)]
    renders[0]?.reject(new Error('Could not render the video: its worker ended with 1'))
    renders[1]?.reject('no error at all')
    await Promise.allSettled(renders.map(({ promise }) => promise))
    const message = 'Could not render the video: its worker ended with 1'
    expect(toVideoObject(first)).toMatchObject({
      status: 'failed',
      error: { code: 'server_error', message },
      progress: 0,
    })
    expect(second.state()).toMatchObject({ error: { message: 'no error at all' } })
  })

  it.each([
    ['moderation-blocked', 'moderation_blocked'],
    ['generation-failed', 'server_error'],
  ])('fails a prompt with %s at its own time, without rendering', (word, code) => {
    const { jobs, time, renders } = start()
    const job = jobs.create({ ...request, prompt: `a ${word} cat` })
    expect(job.state().status).toBe('queued')
    time.now += 3_000
    expect(job.state().status).toBe('in_progress')
    time.now += 4_000
    expect(job.state()).toMatchObject({ status: 'failed', error: { code } })
    expect(renders).toHaveLength(0)
  })

  it('stops the rendering of a job that is deleted, and forgets it', () => {
    const { jobs, signals } = start()
    const [first, second] = [jobs.create(request), jobs.create(request)]
    jobs.delete(first.id)
    jobs.delete('video_unknown')
    expect(signals.map((signal) => signal?.aborted)).toEqual([true, false])
    expect(jobs.find(first.id)).toBeUndefined()
    expect(jobs.list()).toEqual([second])
  })
})
