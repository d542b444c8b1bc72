import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { PipelineEvent } from '../../src/index.js'
import { inspectMp4 } from '../sandbox/inspect-mp4.js'

// The examples run as users run them: by Node, on the built package.
const run = promisify(execFile)
const node = (...args: string[]) => run(process.execPath, args, { timeout: 30_000 })

describe.concurrent('examples', () => {
  it.each<[string, RegExp[]]>([
    ['quickstart', [/^http:\/\/127\.0\.0\.1:\d+\/MP4\/video_\w+\.mp4 after \d+\.\d s$/m]],
    [
      'progress-in-a-terminal',
      [/^\. generate 50 %, rendering/m, /^x resolve {2}given up: no mirror has it$/m, /^https:\/\/drive/m],
    ],
    [
      'fallback-chain',
      [
        /first-account failed \(quota-exceeded\)/,
        /second-account succeeded/,
        /failed \(network\)/,
        /from the resolver$/m,
      ],
    ],
    [
      'sora2api-chain',
      [
        /url2drive:\S+ failed \(overloaded\)/,
        /\/file\/d\/\S+\/view from the uploader$/m,
        /\/MP4\/s_\w+\.mp4 from the resolver$/m,
        /resolve: original succeeded\n {2}\S+ from the resolver$/m,
      ],
    ],
    [
      'stream-to-a-chat-client',
      [/"finish_reason":"stop"/, /^data: \[DONE\]$/m, /^400 \{"error":\{.*"param":"prompt"/m],
    ],
  ])('%s.ts does what it says', async (name, expected) => {
    const { stdout, stderr } = await node(`examples/${name}.ts`)
    for (const pattern of expected) expect(stdout).toMatch(pattern)
    expect(stderr).toBe('')
  })

  it('has a line in the index for each', async () => {
    const index = await readFile('examples/README.md', 'utf8')
    const files = (await readdir('examples', { recursive: true })).filter((file) => file.endsWith('.ts'))
    expect(files.filter((file) => !index.includes(`(${file})`))).toEqual([])
  })
})

describe.concurrent('the demo', () => {
  let output: string
  beforeAll(async () => {
    output = await mkdtemp(join(tmpdir(), 'sora-pipeline-demo-'))
  })
  afterAll(() => rm(output, { recursive: true, force: true }))

  it('shows the stages, the dead mirror and why it was passed over, the file, the URL and the time, in plain lines', async () => {
    const { stdout } = await node('examples/demo.ts', 'A cat playing piano', '--output', join(output, 'plain'))
    const progress = stdout.match(/^\. generate \d+ %, in_progress, \d\.\d s$/gm)
    expect(progress?.length).toBeGreaterThan(1)
    expect(stdout).toMatch(/^! resolve {2}mirror:127\.0\.0\.1:\d+ failed: .*ECONNRESET/m)
    expect(stdout).toMatch(/^! resolve {2}passed over mirror:127\.0\.0\.1:\d+, next is mirror:127\.0\.0\.1:\d+$/m)
    expect(stdout).toMatch(/^saved {2}\S+\.mp4$/m)
    expect(stdout).toMatch(/^URL {4}http:\/\/127\.0\.0\.1:\d+\/run_\w+\.mp4 \([\d,]+ bytes of video\/mp4\)$/m)
    expect(stdout).toMatch(/^took {3}\d+\.\d s$/m)
    expect(stdout).not.toContain('\u001b')
    const [file = ''] = await readdir(join(output, 'plain'))
    const video = await inspectMp4(await readFile(join(output, 'plain', file)))
    expect(video).toMatchObject({ codec: 'avc', width: 640, height: 360, durationSeconds: 4 })
    expect(video.packets).toHaveLength(48)
  })

  it('prints one event a line with --json, and serves a URL that plays until Ctrl-C with --serve', async () => {
    const demo = spawn(process.execPath, ['examples/demo.ts', '--json', '--serve', '--output', join(output, 'json')])
    const events: PipelineEvent[] = []
    for await (const line of createInterface(demo.stdout)) {
      const event = JSON.parse(line) as PipelineEvent
      events.push(event)
      if (event.type !== 'run-completed') continue
      const answer = await fetch(event.result.url, { headers: { range: 'bytes=0-' } })
      expect(answer.status).toBe(206)
      expect((await inspectMp4(await answer.bytes())).codec).toBe('avc')
      demo.kill('SIGINT')
    }
    expect(events.map(({ sequence }) => sequence)).toEqual(events.map((_, index) => index))
    expect(await ended(demo)).toBe(0)
  })

  it('aborts on Ctrl-C and says what was left running', async () => {
    const demo = spawn(process.execPath, ['examples/demo.ts', '--output', join(output, 'aborted')])
    const lines: string[] = []
    for await (const line of createInterface(demo.stdout)) {
      if (line.startsWith('. generate')) demo.kill('SIGINT')
      lines.push(line)
    }
    expect(lines.slice(-2)).toEqual(['no video: Ctrl-C was pressed', 'at videos-api: the job is cancelled'])
    expect(await ended(demo)).toBe(130)
  })

  it.each([[['--speed', '3']], [['two', 'prompts']], [['--output']]])(
    'answers %j with the usage and exit code 2',
    async (args) => {
      const failed = await node('examples/demo.ts', ...args).catch((error: unknown) => error)
      expect(failed).toMatchObject({
        code: 2,
        stdout: '',
        stderr: expect.stringContaining('Usage: npm run demo -- [prompt]'),
      })
    },
  )

  it('has help', async () => {
    expect((await node('examples/demo.ts', '--help')).stdout).toContain('Usage: npm run demo')
  })
})

async function ended(child: ReturnType<typeof spawn>): Promise<number | null> {
  if (child.exitCode === null) await once(child, 'exit')
  return child.exitCode
}
