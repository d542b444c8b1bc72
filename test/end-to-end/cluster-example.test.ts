import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { describe, expect, test } from 'vitest'
import { isPostgresSkipped } from '../stores/servers/postgres-server.js'
import { isRedisSkipped } from '../stores/servers/redis-server.js'

// The command of examples/cluster as a reader runs it, on the built package.

const folders = async () => (await readdir(tmpdir())).filter((name) => name.startsWith('cluster-example-')).sort()

describe.each([
  ['redis', isRedisSkipped],
  ['postgres', isPostgresSkipped],
] as const)('the cluster example on %s', (store, isSkipped) => {
  test.skipIf(isSkipped)(
    'ends every run with a URL after one create each, although a worker is killed, and leaves nothing behind',
    async () => {
      const before = await folders()
      const { code, stdout, stderr } = await runExample(['--store', store])
      expect(code, stdout + stderr).toBe(0)
      expect(stdout).toMatch(new RegExp(`^${store} on port \\d+, 3 workers, 2 HTTP processes$`, 'm'))
      expect(stdout).toMatch(/^kill -9 \d+, worker-\d: it has paid for [12] jobs?, and not received their ids$/m)
      expect(stdout).toMatch(/^ {2}video_\w+: worker-\d took over \d+\.\d s after the kill$/m)
      const runs =
        /^video_\w+: 1 create, by worker-\d; ended by worker-\d: http:\/\/127\.0\.0\.1:\d+\/MP4\/video_\w+\.mp4$/
      expect(stdout.split('\n').filter((line) => runs.test(line))).toHaveLength(6)
      expect(stdout).toMatch(/^6 runs, 6 creates at the upstream, 6 URLs$/m)
      const [, killed] = /^kill -9 \d+, (worker-\d)/m.exec(stdout) ?? []
      expect(stdout).not.toContain(`ended by ${killed}`)
      expect(stdout).not.toContain(`${killed} took over`)
      expect(await folders()).toEqual(before)
    },
    120_000,
  )
})

test('the cluster example names a server that is not installed, and an unknown store', async () => {
  const missing = await runExample(['--store', 'redis'], { PATH: '/nowhere' })
  expect(missing).toEqual({
    code: 1,
    stdout: '',
    stderr: 'Could not start the server: redis-server is not installed (install it: apt-get install redis-server)\n',
  })
  const unknown = await runExample(['--store', 'mysql'])
  expect(unknown).toEqual({
    code: 1,
    stdout: '',
    stderr: 'Could not start: --store is mysql (give redis or postgres)\n',
  })
})

async function runExample(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const child = spawn(process.execPath, ['examples/cluster/main.ts', ...args], { env: { ...process.env, ...env } })
  let [stdout, stderr] = ['', '']
  child.stdout.on('data', (text) => {
    stdout += text
  })
  child.stderr.on('data', (text) => {
    stderr += text
  })
  const [code] = await once(child, 'close')
  return { code, stdout, stderr }
}
