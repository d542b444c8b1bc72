import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'

describe('large media', () => {
  /** Figures of a process in which that many runs are under way at once. */
  async function figuresOf(form: 'bytes' | 'data-urls', runs: number, megabytes: number) {
    const path = (name: string) => new URL(name, import.meta.url).pathname
    // The heap that Node takes on a machine with 4 GB, whatever this one has.
    const options = ['--max-old-space-size=2048', '--import', path('../support/run-sources.ts')]
    const script = [path('request-media-process.ts'), form, String(runs), String(megabytes)]
    const { stdout } = await promisify(execFile)(process.execPath, [...options, ...script])
    return JSON.parse(stdout) as { completed: number; seen: number; savedBytes: number; peakMb: number }
  }

  it.each([
    ['bytes', 2600],
    ['data-urls', 3600], // Text of a third more, which the generators are given as it was given.
  ] as const)(
    'of 31 runs of 24 MB at once, as %s, neither ends the process nor is written with the state',
    async (form, mostMb) => {
      const figures = await figuresOf(form, 31, 24)
      expect(figures).toMatchObject({ completed: 31, seen: 31 })
      expect(figures.savedBytes).toBeLessThan(31 * 10_000)
      // What the store keeps, what the generators were given, and what the callers still have: 744 MB each.
      expect(figures.peakMb).toBeLessThan(mostMb)
    },
    120_000,
  )

  it.each(['bytes', 'data-urls'] as const)('of 4 runs of 15 MB, as %s, is not written with the state', async (form) => {
    const { completed, seen, savedBytes } = await figuresOf(form, 4, 15)
    expect([completed, seen]).toEqual([4, 4])
    expect(savedBytes).toBeLessThan(40_000)
  })
})
