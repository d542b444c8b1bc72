import { describe, expect, it } from 'vitest'
import { createWakeUrl } from '../../../src/http/index.js'
import { memoryStore, NetworkError, SoraPipeline, type SubmitContext, type TaskGenerator } from '../../../src/index.js'
import { fakeTaskGenerator, manualClock } from '../../../src/testing/index.js'
import { collect } from '../../support/collect.js'

const request = { prompt: 'A cat playing piano' }
const wakeUrl = createWakeUrl({ baseUrl: 'https://video.example/v1', contentSecret: 'a-secret-of-the-tests' })

/** A generator that records the contexts of its submissions; the first ones fail. */
function recording(starts: readonly Error[] = []): TaskGenerator & { readonly contexts: readonly SubmitContext[] } {
  const contexts: SubmitContext[] = []
  const submission = { idempotency: 'key', lookup: 'none', callback: true } as const
  const fake = fakeTaskGenerator({ starts, submission })
  return {
    ...fake,
    contexts,
    start(video, context) {
      contexts.push(context)
      return fake.start(video, context)
    },
  }
}

describe('the address that an upstream calls', () => {
  it('is that of the run, also when the submission is sent again', async () => {
    const clock = manualClock()
    const generator = recording([new NetworkError('reset')])
    const pipeline = new SoraPipeline({ generator, clock, wakeUrl })
    await clock.runUntil(pipeline.run(request, { id: 'run_1' }).result)
    expect(generator.contexts.map(({ callbackUrl }) => callbackUrl)).toEqual([wakeUrl('run_1'), wakeUrl('run_1')])
  })

  it('is absent without wakeUrl', async () => {
    const clock = manualClock()
    const generator = recording()
    await clock.runUntil(new SoraPipeline({ generator, clock }).run(request).result)
    expect(generator.contexts.map((context) => 'callbackUrl' in context)).toEqual([false])
  })

  it('is in no event, state or record', async () => {
    const clock = manualClock()
    const store = memoryStore({ clock })
    const generator = recording()
    const pipeline = new SoraPipeline({ generator, clock, store, wakeUrl })
    const run = pipeline.run(request, { id: 'run_1' })
    const events = collect(run)
    await clock.runUntil(run.result)
    const seen = JSON.stringify([await events, await store.load('run_1'), await pipeline.get('run_1')])
    expect(seen).toContain('run_1')
    expect(seen).not.toContain('wake/')
  })

  it('is no part of the request: a run is joined also where the address is another', async () => {
    const clock = manualClock()
    const store = memoryStore({ clock })
    const first = new SoraPipeline({ generator: recording(), clock, store, wakeUrl })
    const { url } = await clock.runUntil(first.run(request, { id: 'run_1' }).result)
    const generator = recording()
    const later = new SoraPipeline({ generator, clock, store, wakeUrl: () => 'https://other.example/hook' })
    expect((await clock.runUntil(later.run(request, { id: 'run_1' }).result)).url).toBe(url)
    expect(generator.contexts).toEqual([])
  })

  it.each<[string, unknown, string]>([
    ['a text', () => 'hook of wkt_canary_canary', 'is a text of 25 characters (give an absolute https address)'],
    ['an address of http', () => 'http://video.example/wkt_canary_canary', 'give an https address'],
    ['a password', () => 'https://me:canary@video.example/hook', 'leave user name and password out'],
    ['a promise', async () => 'https://video.example/hook', 'is an object (give an absolute https address)'],
    ['nothing', () => undefined, 'is nothing (give an absolute https address)'],
    [
      'an error',
      () => {
        throw new Error('no address for https://video.example/wake/wkt_canary_canary')
      },
      'failed: Error: no address for https://video.example/wake/[redacted]',
    ],
  ])('cannot be %s: nothing is sent, and the message does not quote it', async (_, wrong, message) => {
    const clock = manualClock()
    const generator = recording()
    const pipeline = new SoraPipeline({ generator, clock, wakeUrl: wrong as () => string })
    const run = pipeline.run(request)
    const events = collect(run)
    const error = await clock.runUntil(run.result).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'configuration-invalid', stage: 'generate' })
    expect(String(error)).toContain('Could not configure SoraPipeline: wakeUrl() ')
    expect(String(error)).toContain(message)
    expect(JSON.stringify(await events)).not.toContain('canary')
    expect(generator.contexts).toEqual([])
    expect(await pipeline.get(run.id)).toMatchObject({ status: 'failed', isRefused: true })
  })
})
