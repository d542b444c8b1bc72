import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { inspectMp4 } from '../sandbox/inspect-mp4.js'

// The command as a separate process, on the built package.
const COMMAND = resolve('dist/cli/main.js')
const run = promisify(execFile)

describe.concurrent('the command', () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sora-pipeline-command-'))
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))
  const demo = (...args: string[]) => spawn(process.execPath, [COMMAND, 'demo', ...args], { cwd: folder })

  it('shows the stages, the broken mirror and why it was passed over, the file, the URL and the time, in plain lines', async () => {
    const args = [COMMAND, 'demo', 'A cat playing piano', '--output', 'plain']
    const { stdout, stderr } = await run(process.execPath, args, { cwd: folder })
    const progress = stdout.match(/^\. generate \d+ %, in_progress, \d\.\d s$/gm)
    expect(progress?.length).toBeGreaterThan(1)
    expect(stdout).toMatch(/^! resolve {2}mirror:127\.0\.0\.1:\d+ failed: .*ECONNRESET/m)
    expect(stdout).toMatch(/^! resolve {2}passed over mirror:127\.0\.0\.1:\d+, next is mirror:127\.0\.0\.1:\d+$/m)
    expect(stdout).toMatch(/^saved {2}\.\/plain\/run_\w+\.mp4$/m)
    expect(stdout).toMatch(/^URL {4}http:\/\/127\.0\.0\.1:\d+\/run_\w+\.mp4 \([\d,]+ bytes of video\/mp4\)$/m)
    expect(stdout).toMatch(/^took {3}\d+\.\d s$/m)
    expect(['\u001b', '\r'].filter((mark) => stdout.includes(mark))).toEqual([])
    expect(stderr).toBe('')
    const [file = ''] = await readdir(join(folder, 'plain'))
    const video = await inspectMp4(await readFile(join(folder, 'plain', file)))
    expect(video).toMatchObject({ codec: 'avc', width: 640, height: 360, durationSeconds: 4 })
    expect(video.packets).toHaveLength(48)
  })

  it.each([
    ['SIGINT', 130, 'Ctrl-C was pressed'],
    ['SIGTERM', 143, 'The process received SIGTERM'],
  ] as const)('cancels its job at %s, leaves no file and exits with %i', async (signal, exitCode, reason) => {
    const child = demo('--output', signal)
    const errors = textOf(child.stderr)
    for await (const line of createInterface(child.stdout)) {
      // Twice, as npm does when it passes on the Ctrl-C that the terminal has sent already.
      if (line.startsWith('. generate')) for (const _ of [1, 2]) child.kill(signal)
    }
    expect(await ended(child)).toBe(exitCode)
    expect(await errors).toBe(`No video: ${reason}; at videos-api the job is cancelled\n`)
    expect(await readdir(folder)).not.toContain(signal)
  })

  it('ends when the reader of its output leaves, without a stack', async () => {
    const child = demo('--json', '--output', 'pipe')
    const errors = textOf(child.stderr)
    await once(child.stdout, 'data')
    child.stdout.destroy()
    expect(await ended(child)).toBe(141)
    expect(await errors).toBe('No video: The reader of the output closed it; at videos-api the job is cancelled\n')
  })

  it('gives the URL that it serves with --serve, until Ctrl-C', async () => {
    const child = demo('--json', '--serve', '--output', 'served')
    for await (const line of createInterface(child.stdout)) {
      const value = JSON.parse(line) as { readonly type: string; readonly url?: string }
      if (value.type !== 'video-saved') continue
      const answer = await fetch(value.url ?? '', { headers: { range: 'bytes=0-' } })
      expect(answer.status).toBe(206)
      expect((await inspectMp4(await answer.bytes())).codec).toBe('avc')
      child.kill('SIGINT')
    }
    expect(await ended(child)).toBe(0)
  })

  it.each([
    [['dmeo'], 'dmeo is unknown, did you mean demo?'],
    [['demo', '--ouput', 'x'], '--ouput is unknown, did you mean --output?'],
  ])('answers %j with the nearest name and exit code 2', async (args, problem) => {
    const failed = await run(process.execPath, [COMMAND, ...args], { cwd: folder }).catch((error: unknown) => error)
    expect(failed).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining(problem) })
  })

  it.each(['20.20.2', '22.11.0', '18.20.8'])(
    'refuses to start on Node %s, names the version it needs and exits with 3',
    async (version) => {
      const older = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${version}' } })`
      const args = ['--import', `data:text/javascript,${encodeURIComponent(older)}`, COMMAND, 'demo']
      const failed = await run(process.execPath, args, { cwd: folder }).catch((error: unknown) => error)
      const message = `Could not start sora-pipeline: it needs Node 22.12 or later, and this is Node ${version}; install a later Node`
      expect(failed).toMatchObject({ code: 3, stdout: '', stderr: expect.stringContaining(message) })
    },
  )

  it('is what npm run demo runs', async () => {
    const { scripts } = JSON.parse(await readFile('package.json', 'utf8'))
    expect(scripts.demo).toMatch(/&& node dist\/cli\/main\.js demo$/)
  })
})

async function textOf(stream: NodeJS.ReadableStream): Promise<string> {
  let text = ''
  for await (const chunk of stream) text += chunk
  return text
}

async function ended(child: ChildProcess): Promise<number | null> {
  if (child.exitCode === null) await once(child, 'exit')
  return child.exitCode
}
