import { describe, expect, it } from 'vitest'
import { drawFrames } from '../../src/sandbox/video-frames.js'

const draw = (prompt: string, size: { width: number; height: number } = { width: 128, height: 96 }) => {
  return Array.from(drawFrames({ prompt, ...size, frameCount: 3 }), (frame) => Buffer.from(frame))
}

describe('drawFrames', () => {
  it('draws the requested number of frames, all different, each of three planes', () => {
    const frames = draw('A cat')
    expect(frames.map(({ length }) => length)).toEqual([18_432, 18_432, 18_432])
    expect(new Set(frames.map((frame) => frame.toString('base64'))).size).toBe(3)
  })

  it('draws another picture for another prompt', () => {
    expect(draw('A cat')[0]).not.toEqual(draw('A dog')[0])
    expect(draw('A cat')[0]).toEqual(draw('A cat')[0])
  })

  it('makes letters smaller for a longer text, and marks a cut with an ellipsis', () => {
    const long = draw('word '.repeat(40), { width: 640, height: 360 })
    const longer = draw('word '.repeat(4000), { width: 640, height: 360 })
    const longest = draw(`${'word '.repeat(4000)}x`, { width: 640, height: 360 })
    expect(long[0]).not.toEqual(longer[0])
    // Only the shade distinguishes these two: the rest of both is cut at the same place.
    expect(longer[0]?.subarray(0, 640 * 360)).toEqual(longest[0]?.subarray(0, 640 * 360))
  })

  it('keeps the letters of a flat picture inside of it', () => {
    const [frame] = draw('A cat', { width: 1920, height: 64 })
    const chroma = frame?.subarray(1920 * 64) ?? []
    expect(chroma.length).toBe(1920 * 32)
    // The shade and the block, in each of the two planes.
    expect(new Set(chroma).size).toBeLessThanOrEqual(4)
  })

  it('draws in the smallest picture', () => {
    expect(draw('x'.repeat(500), { width: 64, height: 64 })).toHaveLength(3)
  })
})
