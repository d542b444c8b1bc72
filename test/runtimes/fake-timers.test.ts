import { execFile } from 'node:child_process'
import { copyFile, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { SoraPipeline } from 'sora-pipeline'
import { fakeTaskGenerator, fakeUploader, manualClock } from 'sora-pipeline/testing'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { type PackedProject, packedProject } from '../end-to-end/packed-project.js'
import { executableOf, isLeftOut, runtimeTitle } from './installed.js'

const run = promisify(execFile)
const options = () => ({
  generator: fakeTaskGenerator({ polls: 100 }),
  uploader: fakeUploader(),
  pollSchedule: () => 6000,
})

describe('fake timers of Vitest', () => {
  afterEach(() => {
    vi.useRealTimers()
  })

  it.each([
    ['all that it fakes by default', undefined],
    ['timers and dates', ['setTimeout', 'clearTimeout', 'Date']],
    ['the turns of the event loop', ['setImmediate', 'queueMicrotask']],
  ] as const)('leave a manual clock alone: %s', async (_, toFake) => {
    vi.useFakeTimers(toFake && { toFake: [...toFake] })
    const clock = manualClock()
    const { result } = new SoraPipeline({ ...options(), clock }).run({ prompt: 'A cat' })
    expect((await clock.runUntil(result)).durationMs).toBe(606_000)
  })

  it.each([
    ['all that it fakes by default', undefined],
    ['timers, dates and performance', ['setTimeout', 'clearTimeout', 'Date', 'performance']],
  ] as const)('move a run by the clock of the machine: %s', async (_, toFake) => {
    vi.useFakeTimers(toFake && { toFake: [...toFake] })
    const { result } = new SoraPipeline(options()).run({ prompt: 'A cat' })
    await vi.advanceTimersByTimeAsync(610_000)
    expect((await result).durationMs).toBe(606_000)
  })
})

describe('in a project of a user', () => {
  let packed: PackedProject
  let project: string

  beforeAll(async () => {
    packed = await packedProject()
    project = packed.folder
    for (const name of ['ten-minutes.mjs', 'node-timers.mjs', 'jest-timers.mjs']) {
      await copyFile(resolve('test/runtimes', name), join(project, name))
    }
  }, 60_000)
  afterAll(() => packed.remove())

  it('fake timers of node:test leave a manual clock alone, and move a run together with performance.now', async () => {
    // A process of its own runs the file, as from a command line.
    const { NODE_TEST_CONTEXT: _, ...env } = process.env
    const { stdout } = await run(process.execPath, ['--test', 'node-timers.mjs'], { cwd: project, env })
    expect(stdout).toMatch(/pass 4\n/)
  })

  it.skipIf(isLeftOut('jest')).each([{ enableGlobally: false }, { enableGlobally: true, doNotFake: ['setImmediate'] }])(
    runtimeTitle('jest', 'fake timers of Jest leave a manual clock alone, and move a run: %o'),
    async (fakeTimers) => {
      const config = { testMatch: ['**/jest-timers.mjs'], transform: {}, fakeTimers }
      await writeFile(join(project, 'jest.config.json'), JSON.stringify(config))
      const jest = ['--experimental-vm-modules', executableOf('jest'), '--config', 'jest.config.json']
      const { stderr } = await run(process.execPath, jest, { cwd: project })
      expect(stderr).toContain('Tests:       3 passed, 3 total')
    },
  )
})
