import { expect, it } from 'vitest'
import { nextCommands } from '../../src/cli/runs/suggested-commands.js'

type Run = Parameters<typeof nextCommands>[0]
type Runs = Parameters<typeof nextCommands>[1]

const run = (fields: object) =>
  ({ id: 'run_1', verdicts: [], status: 'failed', isAttended: false, ...fields }) as unknown as Run
const retry = (fields: object, flags: readonly string[]) => nextCommands(run(fields), { flags } as unknown as Runs)

it('a retry names the file of the pipeline alone, because that has the store', () => {
  expect(retry({}, ['--store', 'runs.db'])).toEqual([
    {
      when: 'To make another video of the same request; a job is paid again; FILE exports the pipeline with this store',
      command: 'npx sora-pipeline runs retry run_1 --config FILE --yes',
    },
  ])
  expect(retry({ id: '-x' }, ['--config', 'a.mjs'])[0]?.command).toBe(
    'npx sora-pipeline runs retry --yes --config a.mjs -- -x',
  )
})

it('a retry of a run that paid nothing pays for the first time', () => {
  expect(retry({ isRefused: true }, ['--config', 'a.mjs'])[0]?.when).toMatch(/; a job is paid$/)
})

it('a job that the generator does not know is not offered again', () => {
  const submission = { generator: 'ark', handle: { generator: 'ark', operation: { id: 'wrong' }, startedAt: 0 } }
  const error = { code: 'upstream-http', status: 404, message: 'Could not poll the job: 404', isRetryable: false }
  const settled = run({ verdicts: ['operation'], submission, error })
  expect(nextCommands(settled, { flags: [] } as unknown as Runs)).toEqual([
    {
      when: 'ark does not know the job {"id":"wrong"}; put the id of the right one in the place of JOB_ID; nothing more is paid',
      command: 'npx sora-pipeline runs settle run_1 --job JOB_ID --yes',
    },
  ])
  const late = run({
    verdicts: ['operation'],
    submission,
    error: { ...error, code: 'stage-timeout', status: undefined },
  })
  expect(nextCommands(late, { flags: [] } as unknown as Runs)[0]?.command).toContain('--operation')
})
