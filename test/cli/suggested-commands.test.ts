import { expect, it } from 'vitest'
import { nextCommands } from '../../src/cli/runs/suggested-commands.js'

type Run = Parameters<typeof nextCommands>[0]
type Runs = Parameters<typeof nextCommands>[1]

const run = (fields: object) =>
  ({
    id: 'run_1',
    request: { prompt: 'A cat' },
    verdicts: [],
    status: 'failed',
    isAttended: false,
    ...fields,
  }) as unknown as Run
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
    {
      when: 'If it certainly has no job of this run, to submit the request as another run; a wrong answer pays twice; FILE exports the pipeline with this store',
      command: 'npx sora-pipeline runs retry run_1 --config FILE --yes',
    },
  ])
  const late = run({
    verdicts: ['operation'],
    submission,
    error: { ...error, code: 'stage-timeout', status: undefined },
  })
  expect(nextCommands(late, { flags: [] } as unknown as Runs)[0]?.command).toContain('--operation')
})

it('a run whose input is gone is not offered to be made again', () => {
  expect(retry({ erasedAt: 5, request: { prompt: '' } }, ['--config', 'a.mjs'])).toEqual([])
  expect(retry({ isRetained: true, request: { prompt: '' } }, ['--config', 'a.mjs'])).toEqual([])
})

it('media that was removed at the end of a run has to be given again', () => {
  const media = { sha256: 'ab', mediaType: 'image/png', byteLength: 70, isDataUrl: true }
  const request = { prompt: 'A cat', image: media, references: ['https://a.example/b.png', media] }
  expect(retry({ request }, ['--config', 'a.mjs'])).toEqual([
    {
      when: 'To make another video of the same request; a job is paid again; put the addresses of image, references in their places',
      command: `npx sora-pipeline runs retry run_1 --changes '{"image":"IMAGE_URL","references":["https://a.example/b.png","REFERENCES_URL"]}' --yes --config a.mjs`,
    },
  ])
})

it('a run whose job another one has adopted names that run alone', () => {
  const handle = { generator: 'ark', operation: { id: 'job' }, startedAt: 0 }
  const left = run({ verdicts: ['operation'], submission: { generator: 'ark', handle } })
  expect(nextCommands(left, { flags: [] } as unknown as Runs, 'run 2')).toEqual([
    {
      when: 'Another run has adopted the job of this one. To see it',
      command: "npx sora-pipeline runs show 'run 2'",
    },
  ])
})
