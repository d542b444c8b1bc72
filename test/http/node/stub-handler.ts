import type { FetchHandler } from '../../../src/http/node/fetch-handler.js'

/** A request that a {@link stubHandler} is answering. */
export interface Visit {
  readonly request: Request
  /** Resolves with the reason when the signal of the request is aborted. */
  readonly aborted: Promise<unknown>
  /** Resolves with the reason when the body of the answer is cancelled. */
  readonly cancelled: Promise<unknown>
  /** How often the body was pulled. */
  readonly pulls: number
  answer(): void
  push(text: string): void
  end(): void
  fail(error: unknown): void
}

/** A Fetch handler whose answers the test controls. */
export interface StubHandler {
  readonly handle: FetchHandler
  /** The next request that has not been taken yet. */
  visit(): Promise<Visit>
}

/**
 * By the last part of the path: `echo` answers with what it got, `late` when the test says so, `stream` with a stream that the
 * test writes, `unread` without reading the body, `throw` with an exception.
 */
export function stubHandler(): StubHandler {
  const visits: Visit[] = []
  const waiting: ((visit: Visit) => void)[] = []
  const arrive = (visit: Visit) => {
    const take = waiting.shift()
    if (take) take(visit)
    else visits.push(visit)
  }
  return {
    async visit() {
      return visits.shift() ?? new Promise((resolve) => waiting.push(resolve))
    },
    async handle(request) {
      const kind = new URL(request.url).pathname.split('/').at(-1)
      if (kind === 'echo') return echo(request)
      if (kind === 'unread') return new Response('not read')
      if (kind === 'throw') throw new Error('a secret of the handler')
      return answerVisit(request, kind === 'late', arrive)
    },
  }
}

async function echo(request: Request): Promise<Response> {
  const { method, url, headers } = request
  return Response.json({ method, url, headers: Object.fromEntries(headers), body: await request.text() })
}

async function answerVisit(request: Request, isLate: boolean, arrive: (visit: Visit) => void): Promise<Response> {
  const aborted = Promise.withResolvers<unknown>()
  const cancelled = Promise.withResolvers<unknown>()
  const answer = Promise.withResolvers<void>()
  const { signal } = request
  signal.addEventListener('abort', () => aborted.resolve(signal.reason), { once: true })
  let pulls = 0
  let wake = () => {}
  const events: (() => void)[] = []
  let controller: ReadableStreamDefaultController<Uint8Array>
  const body = new ReadableStream<Uint8Array>(
    {
      start(it) {
        controller = it
      },
      async pull() {
        pulls += 1
        while (events.length === 0) await new Promise<void>((resolve) => (wake = resolve))
        events.shift()?.()
      },
      cancel(reason) {
        cancelled.resolve(reason)
        // Like a generator in the middle of a step: its end is waited for in vain.
        return new Promise(() => {})
      },
    },
    { highWaterMark: 0 },
  )
  const tell = (act: () => void) => {
    events.push(act)
    wake()
  }
  arrive({
    request,
    aborted: aborted.promise,
    cancelled: cancelled.promise,
    get pulls() {
      return pulls
    },
    answer: () => answer.resolve(),
    push: (text) => tell(() => controller.enqueue(new TextEncoder().encode(text))),
    end: () => tell(() => controller.close()),
    fail: (error) => tell(() => controller.error(error)),
  })
  if (isLate) await answer.promise
  return new Response(body, { headers: { 'content-type': 'text/event-stream' } })
}
