import { EventSourceParserStream } from 'eventsource-parser/stream'
import { describe, expect, it, vi } from 'vitest'
import { ConfigurationError, memoryStore, type PipelineEvent, SoraPipeline, toEventStream } from '../../src/index.js'
import { fakeGenerator, fakeTaskGenerator, manualClock } from '../../src/testing/index.js'
import { collect } from '../support/collect.js'

const REQUEST = { prompt: 'A cat' }

const framesOf = (stream: ReadableStream<Uint8Array>) =>
  collect(
    stream.pipeThrough(new TextDecoderStream() as never).pipeThrough(new EventSourceParserStream()) as never,
  ) as Promise<{ readonly id: string; readonly event: string; readonly data: string }[]>
const eventsOf = async (stream: ReadableStream<Uint8Array>) =>
  (await framesOf(stream)).map(({ data }) => JSON.parse(data) as PipelineEvent)

describe('toEventStream', () => {
  it('writes every event with its type and an id, after a comment that opens the stream', async () => {
    const run = new SoraPipeline({ generator: fakeTaskGenerator({ polls: 3 }), pollSchedule: () => 0 }).run(REQUEST)
    const text = await new Response(toEventStream(run)).text()
    expect(text).toMatch(/^: keep-alive\n\nid: [0-9a-z]+-0\nevent: run-started\ndata: \{"type":"run-started",.*\}\n\n/)
    const frames = await framesOf(toEventStream(run))
    const events = await collect(run)
    expect(frames.map(({ data }) => JSON.parse(data))).toEqual(events)
    expect(frames.map(({ event }) => event)).toEqual(events.map(({ type }) => type))
    expect(new Set(frames.map(({ id }) => id)).size).toBe(events.length)
    expect(frames.at(-1)?.id).toMatch(/-end$/)
  })

  it('continues after the last event of the client, and has nothing after the last one', async () => {
    const run = new SoraPipeline({ generator: fakeGenerator() }).run(REQUEST)
    const frames = await framesOf(toEventStream(run))
    expect(await framesOf(toEventStream(run, { lastEventId: frames[1]?.id }))).toEqual(frames.slice(2))
    expect(await framesOf(toEventStream(run, { lastEventId: frames.at(-1)?.id }))).toEqual([])
    for (const lastEventId of ['', undefined, 'abc', '5', '-1-1', `${'9'.repeat(40)}-1`]) {
      expect(await framesOf(toEventStream(run, { lastEventId }))).toEqual(frames)
    }
  })

  it.each([
    ['continues after the last event of the client', true],
    ['starts with its own events and other ids if the store has no event log', false],
  ])('ends without a last event when the process leaves the run; the next process %s', async (_, hasLog) => {
    const clock = manualClock()
    const { appendEvents, readEvents, followEvents, ...rest } = memoryStore({ clock })
    const store = hasLog ? { ...rest, appendEvents, readEvents, followEvents } : rest
    const generator = fakeTaskGenerator({ polls: 5 })
    const first = new SoraPipeline({ generator, store, clock })
    const run = first.run(REQUEST, { id: 'run_1' })
    const before = framesOf(toEventStream(run, { clock }))
    await clock.advance(100)
    await first.close()
    const seen = await before
    expect(seen.at(-1)?.id).not.toMatch(/-end$/)
    const next = new SoraPipeline({ generator, store, clock })
    const resumed = next.resume('run_1')
    await clock.runUntil(resumed.result)
    const after = await framesOf(toEventStream(resumed, { lastEventId: seen.at(-1)?.id }))
    const all = await collect(resumed)
    const missed = all.filter(({ sequence }) => !hasLog || sequence >= 1_000_000)
    expect(after.map(({ data }) => JSON.parse(data))).toEqual(missed)
    if (hasLog) expect([...seen, ...after].map(({ data }) => JSON.parse(data))).toEqual(all)
    expect(JSON.parse(after[0]?.data ?? '')).toMatchObject({ type: 'run-resumed', sequence: 1_000_000 })
    expect(after.at(-1)?.event).toBe('run-completed')
    expect(new Set([...seen, ...after].map(({ id }) => id)).size).toBe(seen.length + after.length)
  })

  it('writes a comment after a silence, and none with 0', async () => {
    const clock = manualClock()
    const run = new SoraPipeline({ generator: fakeGenerator({ hangs: true }), clock }).run(REQUEST)
    const readers = [1000, 0].map((heartbeatMs) => toEventStream(run, { heartbeatMs, clock }).getReader())
    const texts = ['', '']
    const pumps = readers.map(async (reader, index) => {
      for (let step = await reader.read(); !step.done; step = await reader.read())
        texts[index] += new TextDecoder().decode(step.value)
    })
    await clock.advance(3500)
    expect(texts.map((text) => text.match(/^: keep-alive$/gm)?.length)).toEqual([4, 1])
    await run.cancel()
    await Promise.all(pumps)
  })

  it('calls onCancel when the reader leaves, and does not stop the run', async () => {
    const clock = manualClock()
    const onCancel = vi.fn()
    const run = new SoraPipeline({ generator: fakeTaskGenerator({ polls: 3 }), clock }).run(REQUEST)
    const reader = toEventStream(run, { onCancel, clock }).getReader()
    await reader.read()
    await reader.cancel('left')
    expect(onCancel.mock.calls).toEqual([['left']])
    expect(await clock.runUntil(run.result)).toMatchObject({ runId: run.id })
  })

  it('has no text that breaks out of its frame, and no place of a store', async () => {
    const store = { ...memoryStore(), create: () => Promise.reject(new Error('EACCES /srv/secret-place')) }
    const refused = new SoraPipeline({ generator: fakeGenerator(), store }).run(REQUEST)
    const text = await new Response(toEventStream(refused)).text()
    expect(text).not.toContain('secret-place')
    const generator = fakeGenerator({ outcome: new Error('a\n\nevent: run-completed\ndata: {}\r\n\r\n') })
    const events = await eventsOf(toEventStream(new SoraPipeline({ generator }).run(REQUEST)))
    expect(events.map(({ type }) => type)).not.toContain('run-completed')
    expect(events.at(-1)).toMatchObject({ type: 'run-failed' })
  })

  it.each([
    [{ lastEventId: 5 }, 'Last-Event-ID'],
    [{ heartbeatMs: -1 }, 'heartbeatMs'],
    [{ onCancel: true }, 'onCancel'],
    [{ clock: {} }, 'clock'],
  ])('refuses %o', (options, named) => {
    const run = new SoraPipeline({ generator: fakeGenerator() }).run(REQUEST)
    expect(() => toEventStream(run, options as never)).toThrow(ConfigurationError)
    expect(() => toEventStream(run, options as never)).toThrow(named)
  })
})
