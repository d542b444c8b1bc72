import { execFile } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'

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
