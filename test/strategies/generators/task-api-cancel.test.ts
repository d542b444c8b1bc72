import { expect, test } from 'vitest'
import { SoraPipeline } from '../../../src/index.js'
import { type TaskApiGeneratorOptions, taskApiGenerator } from '../../../src/strategies/index.js'
import { collect } from '../../support/collect.js'
import { loopbackServer } from '../../upstream/loopback-server.js'
import { stageContext } from '../../upstream/stage-context.js'

async function api(cancel: TaskApiGeneratorOptions['cancel'], answer: string) {
  const server = await loopbackServer((sent, response) =>
    response.end(sent.method === 'DELETE' ? answer : JSON.stringify({ id: 't1', status: 'running' })),
  )
  const generator = taskApiGenerator({
    name: 'my-api',
    baseUrl: server.origin,
    create: ({ prompt }) => ({ path: '/tasks', body: { prompt } }),
    poll: { path: ({ id }) => `/tasks/${encodeURIComponent(id)}` },
    cancel,
  })
  return { server, generator }
}

test.each([
  ['{"success":false,"message":"a running job cannot be stopped"}', 'a running job cannot be stopped'],
  ['{"deleted":false}', '{"deleted":false}'],
  ['{"status":"running"}', '{"status":"running"}'],
])('a success that refuses the cancellation gives a warning with its reason: %s', async (answer, said) => {
  const { generator } = await api({ method: 'DELETE', path: ({ id }) => `/tasks/${id}` }, answer)
  const context = stageContext()
  expect(await generator.cancel?.({ id: 't1' }, context)).toBe('unsupported')
  expect(context.warnings).toMatchObject([{ code: 'cancel-refused' }])
  expect(context.warnings[0]?.message).toContain(said)
  expect(context.warnings[0]?.message).toContain('; the job may still be running')
})

test('a cancellation whose path throws gives a warning in the events of the run', async () => {
  let isBroken = false
  const path = ({ id }: { readonly id: string }) => {
    if (isBroken) throw new Error('the region is not known')
    return `/tasks/${id}`
  }
  const { generator } = await api({ method: 'DELETE', path }, '{}')
  const run = new SoraPipeline({ generator }).run({ prompt: 'A cat' })
  run.result.catch(() => undefined)
  for await (const { type } of run) if (type === 'stage-progressed') break
  isBroken = true
  run.cancel()
  const events = await collect(run)
  const [warning] = events.filter((event) => event.type === 'warning')
  expect(warning).toMatchObject({ code: 'cancel-failed' })
  expect(warning?.message).toContain('cancel.path() failed: Error: the region is not known')
  expect(warning?.message).toContain('; the job may still be running')
  expect(events.at(-1)).toMatchObject({ type: 'run-failed', upstream: { state: 'running' } })
})
