import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { follow } from '../../examples/command-line.ts'
import { fallback, SoraPipeline } from '../../src/index.js'
import { fakeGenerator, fakeUploader } from '../../src/testing/index.js'
import { inspectMp4 } from '../sandbox/inspect-mp4.js'

// The examples run as users run them: by Node, on the built package.
const run = promisify(execFile)
const node = (...args: string[]) => run(process.execPath, args, { timeout: 55_000 })

describe.concurrent('examples', () => {
  it.each<[string, RegExp[]]>([
    ['quickstart', [/^http:\/\/127\.0\.0\.1:\d+\/MP4\/video_\w+\.mp4 after \d+\.\d s$/m]],
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
      's3',
      [
        /^kept as videos\/\d{4}-\d\d-\d\d\/run_\w+\.mp4, (\d+) bytes\n\1 bytes come back until /m,
        /^http:\/\/127\.0\.0\.1:\d+\/my-videos\/videos\/\S+&X-Amz-Signature=[\da-f]{64}$/m,
      ],
    ],
    ['fal', [/^http:\/\/127\.0\.0\.1:\d+\/generations\/video_\w+\.mp4 after \d+\.\d s$/m]],
    ['replicate', [/^http:\/\/127\.0\.0\.1:\d+\/generations\/video_\w+\.mp4 after \d+\.\d s, and for one hour$/m]],
    ['gemini', [/^https:\/\/media\.example\/videos\/run_\w+\.mp4 is in \S+, from the uploader$/m]],
    [
      'dashscope',
      [/^(?:PENDING|RUNNING)$/m, /^http:\/\/127\.0\.0\.1:\d+\/generations\/video_\w+\.mp4, for 24 hours$/m],
    ],
    ['ai-sdk', [/^video\/mp4 of \d{5,} bytes$/m, /^order-42: busy\.video\/model-1, then videos-api$/m]],
    [
      'stream-to-a-chat-client',
      [/"finish_reason":"stop"/, /^data: \[DONE\]$/m, /^400 \{"error":\{.*"param":"prompt"/m],
    ],
  ])('%s.ts does what it documents', async (name, expected) => {
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

describe.concurrent('command-line.ts', () => {
  const file = resolve('examples/command-line.ts')
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sora-pipeline-command-line-'))
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  it('prints the path of a video that plays, and its progress beside it', async () => {
    const args = [file, '--output', 'made', '--seconds', '8', 'A cat playing piano']
    const { stdout, stderr } = await run(process.execPath, args, { cwd: folder })
    expect(stdout).toMatch(/^made\/run_\w+\.mp4\n$/)
    expect(await inspectMp4(await readFile(join(folder, stdout.trim())))).toMatchObject({
      codec: 'avc',
      durationSeconds: 8,
    })
    expect(stderr).toMatch(/^generate 0 %, queued, \d s\n(generate .*\n)*generate done by videos-api\n/)
    expect(stderr).toMatch(/upload done by directory\n$/)
    expect(stderr).not.toContain('\r')
  })

  it('cancels the job at Ctrl-C, and ends with 130', async () => {
    const child = spawn(process.execPath, [file, 'A cat'], { cwd: folder })
    const lines: string[] = []
    for await (const line of createInterface(child.stderr)) {
      if (lines.length === 0) child.kill('SIGINT')
      lines.push(line)
    }
    if (child.exitCode === null) await once(child, 'exit')
    expect(child.exitCode).toBe(130)
    expect(lines.slice(-2)).toEqual(['upstream: cancelled', 'Ctrl-C was pressed'])
  })

  it.each([[[]], [['two', 'prompts']], [['--speed', '3', 'A cat']]])(
    'answers %j with its usage and exit code 2',
    async (args) => {
      const failed = await run(process.execPath, [file, ...args], { cwd: folder }).catch((error: unknown) => error)
      expect(failed).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('Usage: command-line.ts') })
    },
  )

  it('draws a bar as wide as the terminal allows, over which lines are printed', async () => {
    const uploader = fallback(
      fakeUploader({ name: 'first', outcome: new Error('the disk is full') }),
      fakeUploader({ name: 'second' }),
    )
    const generator = fakeGenerator({ progress: [{ ratio: 0.5, phase: 'rendering' }] })
    for (const [columns, bar] of [
      [100, `[${'#'.repeat(20)}${'-'.repeat(20)}]`],
      [43, `[${'#'.repeat(5)}${'-'.repeat(5)}]`],
      [10, '[]'],
    ] as const) {
      const written: string[] = []
      const output = { isTTY: true, columns, write: (text: string) => written.push(text) }
      await follow(new SoraPipeline({ generator, uploader }).run({ prompt: 'A cat' }), output)
      const drawn = written.join('').split('\r\u001b[K')
      expect(drawn).toContain(`${bar} generate 50 %, rendering, 0 s`)
      expect(drawn.slice(-3)).toEqual([
        'first failed: the disk is full\n',
        'second takes over\n',
        'upload done by second\n',
      ])
    }
  })
})
