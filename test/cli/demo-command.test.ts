import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runCommandLine } from '../../src/cli/command-line.js'
import type { PipelineEvent } from '../../src/index.js'
import { inspectMp4 } from '../sandbox/inspect-mp4.js'
import { fakeTerminal } from './terminal.js'

describe.concurrent('sora-pipeline demo', () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sora-pipeline-demo-'))
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  it('shows a bar on a terminal, the broken mirror above it, and leaves no bar', async () => {
    const terminal = fakeTerminal({ columns: 100 })
    const output = join(folder, 'terminal')
    expect(await runCommandLine(['demo', 'A cat', '--output', output], terminal)).toBe(0)
    const drawn = terminal.out().split('\r\u001b[K').map(stripVTControlCharacters)
    const ofGenerate = drawn.filter((text) => /^ {2}generate [█░]{30} /.test(text))
    expect(new Set(ofGenerate).size).toBeGreaterThan(10)
    const kept = drawn.filter((text) => text.endsWith('\n')).join('')
    expect(kept).toMatch(
      /^! resolve {2}passed over mirror:127\.0\.0\.1:\d+, next is mirror:127\.0\.0\.1:\d+\n\+ resolve {2}mirror/m,
    )
    expect(kept).toMatch(/^\+ upload {3}directory done in \d+\.\d s$/m)
    expect(kept).not.toContain('░')
    expect(kept).toContain(`saved  ${join(output, (await readdir(output))[0] ?? '')}\n`)
    expect(terminal.err()).toBe('')
  })

  it('prints plain lines on a terminal that cannot move its cursor', async () => {
    const terminal = fakeTerminal({ columns: 80, isDumb: true })
    expect(await runCommandLine(['demo', '--output', join(folder, 'dumb')], terminal)).toBe(0)
    expect(terminal.out()).toMatch(/^.*\. generate.* \d+ %, in_progress, \d\.\d s$/m)
    expect(terminal.out()).not.toContain('\r')
  })

  it('prints the events and the saved file as lines of JSON, and nothing else', async () => {
    const terminal = fakeTerminal()
    const output = join(folder, 'json')
    expect(await runCommandLine(['demo', '--json', '--output', output], terminal)).toBe(0)
    const lines = terminal.out().trimEnd().split('\n')
    const values = lines.map((line) => JSON.parse(line) as PipelineEvent | { readonly type: 'video-saved' })
    const saved = values.pop() as { readonly type: string; readonly file: string; readonly bytes: number }
    expect(values.map((event) => 'sequence' in event && event.sequence)).toEqual(values.map((_, index) => index))
    expect(values.map(({ type }) => type)).toEqual(
      expect.arrayContaining(['run-started', 'attempt-failed', 'fallback-taken', 'run-completed']),
    )
    const bytes = await readFile(saved.file)
    expect(saved).toMatchObject({ type: 'video-saved', bytes: bytes.byteLength, mediaType: 'video/mp4' })
    expect(await inspectMp4(bytes)).toMatchObject({ codec: 'avc', width: 640, height: 360, durationSeconds: 4 })
    expect(terminal.err()).toBe('')
  })

  it('ends with 1 when the upstream gives the job up', async () => {
    const terminal = fakeTerminal()
    const output = join(folder, 'failed')
    expect(await runCommandLine(['demo', 'generation-failed', '--output', output], terminal)).toBe(1)
    expect(terminal.err()).toMatch(/^No video: Could not .*; at videos-api the job is failed\n$/)
    expect(terminal.out()).not.toContain('saved')
  })

  it('ends with 1 when the video cannot be saved, and gives the URL of a mirror', async () => {
    const terminal = fakeTerminal()
    const file = join(folder, 'a-file')
    await writeFile(file, '')
    expect(await runCommandLine(['demo', '--output', file], terminal)).toBe(1)
    expect(terminal.out()).toMatch(
      /^URL {4}http:\/\/127\.0\.0\.1:\d+\/MP4\/video_\w+\.mp4 \([\d,]+ bytes of video\/mp4\)$/m,
    )
    expect(terminal.err()).toMatch(/^Could not save the video: .*choose one that is not a file/)
    expect(terminal.out()).not.toContain('saved')
  })

  it.each([
    ['SIGINT', 130, 'Ctrl-C was pressed'],
    ['SIGTERM', 143, 'The process received SIGTERM'],
  ])('cancels the job at %s, and ends', async (name, exitCode, reason) => {
    const terminal = fakeTerminal()
    const ended = runCommandLine(['demo', '--output', join(folder, name)], terminal)
    await terminal.untilPrinted('. generate')
    terminal.signals.emit(name)
    expect(await ended).toBe(exitCode)
    expect(terminal.err()).toBe(`No video: ${reason}; at videos-api the job is cancelled\n`)
    expect(terminal.signals.eventNames()).toEqual([])
  })

  it('cancels the job when the reader of its output leaves', async () => {
    const terminal = fakeTerminal()
    const ended = runCommandLine(['demo', '--output', join(folder, 'pipe')], terminal)
    await terminal.untilPrinted('. generate')
    terminal.stdout.destroy(new Error('write EPIPE'))
    expect(await ended).toBe(141)
    expect(terminal.err()).toContain('the job is cancelled')
  })

  it('serves the URL with --serve until Ctrl-C', async () => {
    const terminal = fakeTerminal()
    const ended = runCommandLine(['demo', '--serve', '--output', join(folder, 'served')], terminal)
    await terminal.untilPrinted('The URL works until Ctrl-C')
    const url = /^URL {4}(\S+)/m.exec(terminal.out())?.[1] ?? ''
    const answer = await fetch(url, { headers: { range: 'bytes=0-' } })
    expect(answer.status).toBe(206)
    expect((await inspectMp4(await answer.bytes())).codec).toBe('avc')
    terminal.signals.emit('SIGINT')
    expect(await ended).toBe(0)
    await expect(fetch(url)).rejects.toThrow()
  })
})
