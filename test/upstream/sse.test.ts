import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { manualClock } from '../../src/testing/index.js'
import { send } from '../../src/upstream/request.js'
import { maskOf } from '../../src/upstream/secret.js'
import { readSse, type SseEvent, type SseOptions } from '../../src/upstream/sse.js'
import { allClosed, type LoopbackServer, loopbackServer } from './loopback-server.js'
import { instantClock, rejection } from './stage-context.js'

const URL_OF_STREAM = 'https://space.example/stream?key=secret-key-1'

function options(more: Partial<SseOptions> = {}): SseOptions {
  return {
    what: 'follow the upload',
    url: URL_OF_STREAM,
    mask: maskOf(['secret-key-1']),
    clock: manualClock(),
    signal: new AbortController().signal,
    idleTimeoutMs: 60_000,
    ...more,
  }
}

async function collect(events: AsyncIterable<SseEvent>): Promise<SseEvent[]> {
  const seen: SseEvent[] = []
  for await (const event of events) seen.push(event)
  return seen
}

/** A body of the given chunks, which then ends, breaks or continues without another event. */
function bodyOf(chunks: readonly (string | Uint8Array)[], end: 'close' | 'hang' | Error = 'close') {
  const pending = chunks.map((chunk) => (typeof chunk === 'string' ? new TextEncoder().encode(chunk) : chunk))
  const state = { isCancelled: false }
  const stream = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        const chunk = pending.shift()
        if (chunk !== undefined) return controller.enqueue(chunk)
        if (end === 'hang') return new Promise<void>(() => undefined)
        if (end === 'close') controller.close()
        else controller.error(end)
      },
      cancel() {
        state.isCancelled = true
      },
    },
    { highWaterMark: 0 },
  )
  return { response: new Response(stream), state }
}

const readText = (text: string, more: Partial<SseOptions> = {}) => collect(readSse(new Response(text), options(more)))

describe('readSse', () => {
  test.each<[string, string, SseEvent[]]>([
    ['names, data and ids', 'event: a\nid: 7\ndata: {"x":1}\n\n', [{ event: 'a', data: '{"x":1}', id: '7' }]],
    ['the name of the standard', 'data: x\n\n', [{ event: 'message', data: 'x' }]],
    ['several lines of data', 'data: x\ndata:\ndata:  y\n\n', [{ event: 'message', data: 'x\n\n y' }]],
    ['CRLF', 'event: a\r\ndata: x\r\n\r\n', [{ event: 'a', data: 'x' }]],
    ['CR', 'event: a\rdata: x\r\r', [{ event: 'a', data: 'x' }]],
    ['a BOM', '\uFEFFdata: x\n\n', [{ event: 'message', data: 'x' }]],
    [
      'comments and unknown fields',
      ': ping\n\nerror: x\nretry: 1\nretry: x\ndata: x\n\n',
      [{ event: 'message', data: 'x' }],
    ],
    ['an event without data, which is skipped', 'event: a\n\ndata: x\n\n', [{ event: 'message', data: 'x' }]],
    ['an event that the end cuts off', 'data: x\n\ndata: y\n', [{ event: 'message', data: 'x' }]],
    ['nothing', '', []],
  ])('reads %s', async (_, text, expected) => {
    expect(await readText(text)).toEqual(expected)
  })

  test('keeps an event that the end cuts off if its data is complete, also when the connection breaks', async () => {
    const isComplete = (data: string) => data.endsWith('}')
    const whole = { event: 'a', data: '{"x":1}' }
    for (const end of ['', '\n', '\r'])
      expect(await readText(`event: a\ndata: {"x":1}${end}`, { isComplete })).toEqual([whole])
    expect(await readText('event: a\ndata: {"x":', { isComplete })).toEqual([])
    const seen: SseEvent[] = []
    const { response } = bodyOf(['event: a\ndata: {"x":1}'], new Error('cut'))
    const reading = (async () => {
      for await (const event of readSse(response, options({ isComplete }))) seen.push(event)
    })()
    expect(await rejection(reading)).toMatchObject({ code: 'network' })
    expect(seen).toEqual([whole])
  })

  test('reads an answer without a body', async () => {
    expect(await collect(readSse(new Response(null, { status: 204 }), options()))).toEqual([])
  })

  test('reads the same events however lines end and chunks are cut', async () => {
    const line = fc
      .string({ unit: 'grapheme', maxLength: 20 })
      .map((text) => text.replace(/[\r\n\0]/g, ' ').toWellFormed())
    const event = fc.record({
      event: fc.option(fc.stringMatching(/^[a-z_]{1,8}$/), { nil: undefined }),
      id: fc.option(fc.stringMatching(/^\d{1,4}$/), { nil: undefined }),
      data: fc.array(line, { minLength: 1, maxLength: 3 }),
      comment: fc.option(line, { nil: undefined }),
    })
    await fc.assert(
      fc.asyncProperty(
        fc.array(event, { maxLength: 5 }),
        fc.constantFrom('\n', '\r\n', '\r'),
        fc.boolean(),
        fc.array(fc.integer({ min: 0, max: 400 }), { maxLength: 20 }),
        async (events, lineEnd, hasBom, cuts) => {
          const lines = events.flatMap(({ event, id, data, comment }) => [
            ...(comment === undefined ? [] : [`: ${comment}`]),
            ...(event === undefined ? [] : [`event: ${event}`]),
            ...(id === undefined ? [] : [`id: ${id}`]),
            ...data.map((text) => `data: ${text}`),
            '',
          ])
          const text = (hasBom ? '\uFEFF' : '') + lines.map((text) => text + lineEnd).join('')
          const { response } = bodyOf(cutAt(new TextEncoder().encode(text), cuts))
          expect(await collect(readSse(response, options()))).toEqual(
            events.map(({ event = 'message', id, data }) => ({
              event,
              data: data.join('\n'),
              ...(id !== undefined && { id }),
            })),
          )
        },
      ),
      { numRuns: 300 },
    )
  })

  test('never throws anything but its own errors, whatever the bytes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 8 }), async (chunks) => {
        const read = collect(readSse(bodyOf(chunks).response, options({ maxEventBytes: 100 })))
        const outcome = await read.then(
          () => 'read',
          (error: { code: string }) => error.code,
        )
        expect(['read', 'upstream-response']).toContain(outcome)
      }),
      { numRuns: 300 },
    )
  })

  test('takes an event of the largest size, and refuses a larger one after those before it', async () => {
    const fits = 'x'.repeat(90)
    const { response, state } = bodyOf(
      [`data: ok\n\ndata: ${fits}\n\n`, 'data: ', 'y'.repeat(60), 'y'.repeat(60)],
      'hang',
    )
    const seen: string[] = []
    const error = await rejection(
      (async () => {
        for await (const { data } of readSse(response, options({ maxEventBytes: 100 }))) seen.push(data)
      })(),
    )
    expect(seen).toEqual(['ok', fits])
    expect(error).toMatchObject({
      code: 'upstream-response',
      isRetryable: false,
      message: 'Could not follow the upload: space.example sent an event of more than 100 bytes',
      url: 'https://space.example/stream',
    })
    expect(state.isCancelled).toBe(true)
  })

  test('counts bytes, also of an event that came in one piece', async () => {
    expect(await rejection(readText(`data: ${'é'.repeat(60)}\n\n`, { maxEventBytes: 100 }))).toMatchObject({
      code: 'upstream-response',
    })
    expect(await readText(`data: ${'é'.repeat(45)}\n\n`, { maxEventBytes: 100 })).toHaveLength(1)
  })

  test('has a limit of 1 MB without another one', async () => {
    expect(await readText(`data: ${'x'.repeat(900_000)}\n\n`)).toHaveLength(1)
    expect(await rejection(readText(`data: ${'x'.repeat(1_000_001)}\n\n`))).toMatchObject({ code: 'upstream-response' })
  })

  test('gives up a stream that is silent, and not one that only has comments', async () => {
    const clock = manualClock()
    const talking = Array.from({ length: 5 }, () => ': ping\n')
    let pulls = 0
    const stream = new ReadableStream<Uint8Array>(
      {
        async pull(controller) {
          const chunk = talking[pulls]
          pulls += 1
          await clock.sleep(chunk === undefined ? Number.POSITIVE_INFINITY : 50_000)
          controller.enqueue(new TextEncoder().encode(chunk))
        },
      },
      { highWaterMark: 0 },
    )
    const read = rejection(collect(readSse(new Response(stream), options({ clock }))))
    const error = await clock.runUntil(read)
    expect(error).toMatchObject({
      code: 'network',
      isRetryable: true,
      message: 'Could not follow the upload: space.example was silent for 60000 ms',
    })
    expect(clock.monotonic()).toBe(310_000)
  })

  test('leaves no timer behind', async () => {
    const clock = manualClock()
    await readText('data: x\n\n', { clock })
    expect(clock.pending).toBe(0)
  })

  test('a connection that breaks is a NetworkError without secrets', async () => {
    const { response } = bodyOf(['data: x\n\n'], new TypeError('terminated by secret-key-1'))
    expect(await rejection(collect(readSse(response, options())))).toMatchObject({
      code: 'network',
      message: 'Could not follow the upload: no answer from space.example (terminated by [redacted])',
    })
  })

  test.each(['while it waits', 'between two events'])(
    'an abort %s rejects with the reason and closes the body',
    async (when) => {
      const controller = new AbortController()
      const reason = new Error('enough')
      const { response, state } = bodyOf(['data: x\n\ndata: y\n\n'], 'hang')
      const seen: string[] = []
      const read = (async () => {
        for await (const { data } of readSse(response, options({ signal: controller.signal }))) {
          seen.push(data)
          if (when === 'between two events') controller.abort(reason)
          else if (data === 'y') setImmediate(() => controller.abort(reason))
        }
      })()
      expect(await rejection(read)).toBe(reason)
      expect(seen).toEqual(when === 'between two events' ? ['x'] : ['x', 'y'])
      expect(state.isCancelled).toBe(true)
    },
  )

  test('leaving the loop closes the body', async () => {
    const { response, state } = bodyOf(['data: x\n\n'], 'hang')
    for await (const { data } of readSse(response, options())) {
      expect(data).toBe('x')
      break
    }
    expect(state.isCancelled).toBe(true)
  })
})

describe('readSse over a connection', () => {
  const open = (server: LoopbackServer, signal = new AbortController().signal) =>
    send({ method: 'GET', url: `${server.origin}/stream`, signal })

  test('gives each event when it comes, and an abort closes the connection', async () => {
    const controller = new AbortController()
    const server = await loopbackServer((_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: first\n\n')
    })
    const response = await open(server, controller.signal)
    const events = readSse(response, options({ signal: controller.signal, clock: instantWatch() }))
    expect((await events.next()).value).toEqual({ event: 'message', data: 'first' })
    const next = rejection(events.next())
    controller.abort('enough')
    expect(await next).toBe('enough')
    await allClosed(server)
  })

  test('a reset in the middle is a NetworkError', async () => {
    const server = await loopbackServer((_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: first\n\n')
      setImmediate(() => response.socket?.resetAndDestroy())
    })
    const error = await rejection(collect(readSse(await open(server), options({ clock: instantWatch() }))))
    expect(error).toMatchObject({ code: 'network', isRetryable: true })
  })
})

/** A clock that never wakes: what is read here needs no timer. */
function instantWatch() {
  return { ...instantClock(), sleep: () => new Promise<void>(() => undefined) }
}

function cutAt(bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const at = [0, ...cuts.filter((cut) => cut <= bytes.length).sort((a, b) => a - b), bytes.length]
  return at.slice(1).map((end, index) => bytes.slice(at[index], end))
}
