import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { startScript } from '../stores/processes.js'
import { eventually } from '../support/eventually.js'
import { type OtlpSpan, otlpServer } from './otlp-server.js'
import type { TracedTask } from './traced-process.js'

const SECRET = 'canary-4f9d8a7b6c5e3d2f1a0b'

let server: Awaited<ReturnType<typeof otlpServer>>
let directory: string
beforeEach(async () => {
  server = await otlpServer()
  directory = await mkdtemp(join(tmpdir(), 'otel-'))
})
afterEach(async () => {
  await server.close()
  await rm(directory, { recursive: true, force: true })
})

const start = (job: TracedTask['job']) =>
  startScript('otel/traced-process.ts', { job, origin: server.origin, directory, secret: SECRET } satisfies TracedTask)
const named = (name: string): readonly OtlpSpan[] => server.spans.filter((span) => span.name === name)
const attribute = (span: OtlpSpan | undefined, name: string) =>
  Object.values(span?.attributes?.find(({ key }) => key === name)?.value ?? {})[0]

it('the spans of a run that was killed and taken over hang together at the collector, and have no secret', async () => {
  const first = start('start')
  await first.next((line) => Object(line).isAccepted === true)
  await eventually(() => expect(named('POST /videos')).toHaveLength(1))
  await eventually(() => expect(named('generate_content sora-2')).toHaveLength(1))
  first.child.kill('SIGKILL')
  expect(await first.ended).toBe('SIGKILL')
  const second = start('resume')
  expect(await second.ended).toBe(0)
  expect(second.told).toEqual([{ runId: 'run_1' }])

  const [caller] = named('POST /videos')
  const [run, ...moreRuns] = named('invoke_workflow sora-pipeline')
  const [broken, continued, ...moreAttempts] = named('generate_content sora-2')
  expect([...moreRuns, ...moreAttempts]).toEqual([])
  // Of the killed process, what ended before: the call, and the attempt that failed, in one trace.
  expect(broken?.traceId).toBe(caller?.traceId)
  expect(attribute(broken, 'error.type')).toBe('generation-failed')
  // Of the next process, a trace of its own with a link to the call.
  expect(run?.links).toEqual([expect.objectContaining({ traceId: caller?.traceId, spanId: caller?.spanId })])
  expect(run?.traceId).not.toBe(caller?.traceId)
  expect(continued).toMatchObject({ traceId: run?.traceId, parentSpanId: run?.spanId })
  expect(attribute(continued, 'gen_ai.response.id')).toBe('job_1')
  expect(attribute(continued, 'server.address')).toBe('jobs.example')
  for (const span of [broken, run, continued]) expect(attribute(span, 'sora_pipeline.run.id')).toBe('run_1')
  expect([...server.metricNames]).toEqual(
    expect.arrayContaining(['gen_ai.client.operation.duration', 'sora_pipeline.runs', 'sora_pipeline.runs_in_review']),
  )
  expect(server.text()).not.toContain(SECRET)
  expect(server.text()).not.toContain(SECRET.slice(7))
})
