import { describe, expect, it } from 'vitest'
import { ConfigurationError } from '../../src/contracts/input-errors.js'
import { makeVideo } from '../../src/sandbox/make-video.js'
import { inspectMp4 } from './inspect-mp4.js'

const small = { width: 128, height: 72, durationSeconds: 1 }

describe('makeVideo', () => {
  it('makes an H.264 MP4 with the requested size, length and key frames', async () => {
    const bytes = await makeVideo({ prompt: 'A cat 猫', width: 640, height: 360, durationSeconds: 3 })
    const { codec, width, height, durationSeconds, packets } = await inspectMp4(bytes)
    expect({ codec, width, height }).toEqual({ codec: 'avc', width: 640, height: 360 })
    expect(durationSeconds).toBeCloseTo(3, 2)
    expect(packets).toHaveLength(36)
    expect(packets.flatMap(({ type }, index) => (type === 'key' ? [index] : []))).toEqual([0, 12, 24])
    expect(packets.every(({ type, isIdr }) => (type === 'key') === isIdr)).toBe(true)
  })

  it('puts the index before the samples, so that the file plays while it downloads', async () => {
    const text = Buffer.from(await makeVideo({ prompt: 'A cat', ...small })).toString('latin1')
    expect(text.indexOf('moov')).toBeGreaterThan(0)
    expect(text.indexOf('moov')).toBeLessThan(text.indexOf('mdat'))
  })

  it('makes the same bytes for the same options, and other bytes for another prompt', async () => {
    const [first, second, other] = await Promise.all(
      ['A cat', 'A cat', 'A dog'].map((prompt) => makeVideo({ prompt, ...small })),
    )
    expect(second).toEqual(first)
    expect(other).not.toEqual(first)
  })

  it('rounds to whole frames, of which there is at least one', async () => {
    const bytes = await makeVideo({ prompt: 'x', width: 66, height: 70, durationSeconds: 0.01, framesPerSecond: 24 })
    const { width, height, packets } = await inspectMp4(bytes)
    expect({ width, height, count: packets.length }).toEqual({ width: 66, height: 70, count: 1 })
  })

  it('leaves the event loop free', async () => {
    let longestMs = 0
    let last = performance.now()
    const timer = setInterval(() => {
      longestMs = Math.max(longestMs, performance.now() - last)
      last = performance.now()
    }, 10)
    const startedAt = performance.now()
    await makeVideo({ prompt: 'A long render', width: 1280, height: 720, durationSeconds: 4 })
    const renderMs = performance.now() - startedAt
    clearInterval(timer)
    expect(longestMs).toBeGreaterThan(0)
    // On this thread the render would be one gap of its whole length.
    expect(longestMs).toBeLessThan(Math.max(250, renderMs / 2))
  })

  it('rejects with the reason of an abort, before and during the work', async () => {
    const reason = new Error('enough')
    await expect(makeVideo({ prompt: 'x', ...small, signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    const controller = new AbortController()
    const video = makeVideo({ prompt: 'x', width: 1920, height: 1080, durationSeconds: 60, signal: controller.signal })
    controller.abort(reason)
    await expect(video).rejects.toBe(reason)
  })

  it('names every option that is wrong', async () => {
    const wrong = { prompt: 'x', width: 65, height: 2000, durationSeconds: Number.NaN, framesPerSecond: 1.5 }
    const error = await makeVideo(wrong).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(ConfigurationError)
    const { problems } = error as ConfigurationError
    expect(problems.map(({ field, value }) => `${field} ${value}`)).toEqual([
      'width 65',
      'height 2000',
      'durationSeconds NaN',
      'framesPerSecond 1.5',
    ])
  })
})
