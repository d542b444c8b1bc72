import { expect, test } from 'vitest'
import { memoryStore } from '../../../src/index.js'
import { fakeGenerator, fakeSource, fakeTaskGenerator, fakeUploader } from '../../../src/testing/index.js'
import { handlerOf } from '../handler-call.js'

const typesOf = (text: string) => [...text.matchAll(/^event: (.+)$/gm)].map(([, type]) => type)
const lastIdOf = (text: string) => [...text.matchAll(/^id: (.+)$/gm)].at(-1)?.[1] ?? ''

function twoBackends() {
  const store = memoryStore()
  const former = handlerOf({}, { store, generator: fakeTaskGenerator({ polls: 1_000_000 }) })
  const next = handlerOf({}, { store, generator: fakeTaskGenerator({ polls: 2 }) })
  return { former, next }
}

test.each(['at once', 'after the end of the run'])(
  'a backend that closes ends the stream without an end of the run; the next one sends the rest, %s',
  async (moment) => {
    const { former, next } = twoBackends()
    const { body } = await former.json('POST', '/v1/videos', { body: { prompt: 'A cat' } })
    const path = `/v1/videos/${body.id}/events`
    const stream = (await former.call('GET', path)).text()
    await former.pipeline.close()
    const seen = await stream
    expect(typesOf(seen)[0]).toBe('run-started')
    expect(typesOf(seen)).not.toContain('run-failed')
    expect(lastIdOf(seen)).not.toMatch(/-end$/)
    if (moment === 'after the end of the run') await next.ended(body.id)
    const answer = await next.call('GET', path, { headers: { 'last-event-id': lastIdOf(seen) } })
    expect(answer.status).toBe(200)
    const rest = await answer.text()
    expect(typesOf(rest).at(-1)).toBe('run-completed')
    const over = await next.call('GET', path, { headers: { 'last-event-id': lastIdOf(rest) } })
    expect(over.status).toBe(204)
  },
)

test('a run that failed for good ends its stream with the failure', async () => {
  const { former } = twoBackends()
  const { body } = await former.json('POST', '/v1/videos', { body: { prompt: 'A cat' } })
  const path = `/v1/videos/${body.id}/events`
  const stream = (await former.call('GET', path)).text()
  await former.pipeline.resume(body.id).cancel()
  const seen = await stream
  expect(typesOf(seen).at(-1)).toBe('run-failed')
  expect(lastIdOf(seen)).toMatch(/-end$/)
})

test.each([
  ['without an uploader is not degraded', undefined, []],
  ['whose upload failed is degraded, with the attempt', fakeUploader({ outcome: new Error('no') }), ['upload']],
])('a video behind its key %s', async (_, uploader, failed) => {
  const video = { id: 'gen_1', source: fakeSource() }
  const { json, call } = handlerOf({}, { generator: fakeGenerator({ outcome: video }), uploader })
  const { body } = await json('POST', '/v1/videos', { body: { prompt: 'A cat' } })
  const text = await (await call('GET', `/v1/videos/${body.id}/events`)).text()
  const last = text.match(/^data: (\{.*"type":"run-completed".*\})$/m)?.[1] ?? '{}'
  const { result } = JSON.parse(last)
  expect(result).toMatchObject({ servedBy: 'generator', isDegraded: failed.length > 0, durationMs: expect.any(Number) })
  const stages = result.attempts.filter(({ outcome }: { outcome: string }) => outcome === 'failed')
  expect(stages.map(({ stage }: { stage: string }) => stage)).toEqual(failed)
})
