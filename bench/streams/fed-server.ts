import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import type { Served } from '../harness/serve-module.ts'

/** An open stream: `send` writes one event that contains a stamp. */
export interface FedStream {
  send(stamp: string): void
}

/** What a request to `/feed` sends, as its query. */
export interface Feed {
  /** `burst`: one event on every stream at once. `paced`: one on every stream, evenly within `withinMs`. */
  readonly kind: 'burst' | 'paced'
  readonly withinMs: number
}

type Listener = (request: IncomingMessage, response: ServerResponse) => unknown

const TICK_MS = 10

/** A server whose requests open streams, except for `/feed`, which sends events on all of them. */
export function fedServer(streams: readonly FedStream[], listener: Listener): Served {
  const server = createServer(async (request, response) => {
    const url = new URL(request.url ?? '', 'http://bench.example')
    if (url.pathname !== '/feed') {
      await listener(request, response)
      return
    }
    const withinMs = Number(url.searchParams.get('withinMs'))
    await (url.searchParams.get('kind') === 'burst' ? burst(streams) : pace(streams, withinMs))
    response.end()
  })
  return { server, report: () => streams.length }
}

/** The event of every server but ours, which builds its own; `stamp` has 16 digits. */
export function eventText(stamp: string): string {
  return `${PREFIX}${stamp}${SUFFIX}`
}

const [PREFIX = '', SUFFIX = ''] = JSON.stringify({
  id: 'chatcmpl-0123456789abcdef0123456789abcdef',
  object: 'chat.completion.chunk',
  created: 1_770_000_000,
  model: 'sora-2',
  choices: [{ index: 0, delta: { reasoning_content: '> ⚠️ STAMP\n' }, finish_reason: null }],
}).split('STAMP')

async function burst(streams: readonly FedStream[]): Promise<void> {
  for (const stream of streams) stream.send(stampNow())
  await nextTurn()
}

async function pace(streams: readonly FedStream[], withinMs: number): Promise<void> {
  const startedAt = performance.now()
  let sent = 0
  while (sent < streams.length) {
    await sleep(TICK_MS)
    const due = Math.min(streams.length, Math.ceil(((performance.now() - startedAt) / withinMs) * streams.length))
    for (; sent < due; sent += 1) streams[sent]?.send(stampNow())
  }
}

/** Microseconds of the wall clock: the readers in their process find out how long the event took. */
function stampNow(): string {
  return `t${Math.round((performance.timeOrigin + performance.now()) * 1000)}`
}
