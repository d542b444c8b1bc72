import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, it, onTestFinished } from 'vitest'
import { operatorProject } from './operator-project.js'

const PROCESS = `import { SoraPipeline } from 'sora-pipeline'
import { sqliteStore } from 'sora-pipeline/stores'

const pipeline = new SoraPipeline({
  generator: { name: 'mock', generate: async () => ({ id: 'gen_1', url: 'https://cdn.example/a.mp4' }) },
  publisher: {
    name: 'posts',
    publish: () => {
      process.stdout.write('publishing')
      return new Promise(() => {})
    },
  },
  store: sqliteStore({ path: 'runs.db' }),
  leaseMs: 1000,
})
pipeline.run({ prompt: 'A cat' }, { id: 'run_1' })
setInterval(() => {}, 1000)
`

it('a run whose process was killed while it published is shown with that stage and its doubt', async () => {
  const project = await operatorProject()
  onTestFinished(() => project.remove())
  const file = await project.write('process.mjs', PROCESS)
  const child = spawn(process.execPath, [file], { cwd: project.folder, stdio: ['ignore', 'pipe', 'inherit'] })
  const [printed] = await once(child.stdout, 'data')
  expect(String(printed)).toBe('publishing')
  child.kill('SIGKILL')
  await once(child, 'close')
  // The store shows that the process has ended once its last heartbeat has expired.
  const show = async (...args: readonly string[]) =>
    (await project.command(['runs', 'show', 'run_1', '--store', 'runs.db', ...args])).stdout
  await expect.poll(() => show(), { timeout: 10_000 }).toContain('in doubt')
  const text = await show()
  expect(text).toMatch(/^ {2}stage {7}publish\n {2}in doubt {4}its process ended while it published: a post may exist/m)
  const { run } = JSON.parse(await show('--json'))
  expect(run).toMatchObject({ stage: 'publish', isInterrupted: true })
})
