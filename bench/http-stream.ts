// What an event costs on its way to a client: sendNodeResponse against a plain res.write and what else is done with a Response.
// Compare ratios: the times are those of one machine.
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { Readable } from 'node:stream'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { sendNodeResponse } from 'sora-pipeline/http'

const STREAMS = 50
const EVENTS = 400
const ROUNDS = 9
const EVENT = new TextEncoder().encode(
  `data: ${JSON.stringify({
    id: 'chatcmpl-0123456789abcdef',
    object: 'chat.completion.chunk',
    created: 1_770_000_000,
    model: 'sora-1.0',
    choices: [{ index: 0, delta: { reasoning_content: 'generate 53 %, in_progress' }, finish_reason: null }],
  })}\n\n`,
)
const HEADERS = { 'content-type': 'text/event-stream; charset=utf-8' }

/** One answer that is being streamed. */
interface Sink {
  send(event: Uint8Array): void
  end(): void
}

type Way = (response: ServerResponse) => Sink

function asResponse(send: (response: ServerResponse, answer: Response) => unknown): Way {
  return (response) => {
    let controller: ReadableStreamDefaultController<Uint8Array> | undefined
    const body = new ReadableStream<Uint8Array>({
      start: (it) => {
        controller = it
      },
    })
    send(response, new Response(body, { headers: HEADERS }))
    return { send: (event) => controller?.enqueue(event), end: () => controller?.close() }
  }
}

const WAYS = {
  'res.write': (response) => {
    response.writeHead(200, HEADERS).flushHeaders()
    return { send: (event) => void response.write(event), end: () => void response.end() }
  },
  sendNodeResponse: asResponse(sendNodeResponse),
  'reader loop': asResponse(async (response, answer) => {
    response.writeHead(answer.status, HEADERS).flushHeaders()
    for await (const chunk of answer.body ?? []) if (!response.write(chunk)) await once(response, 'drain')
    response.end()
  }),
  'Readable.fromWeb(…).pipe': asResponse((response, answer) => {
    response.writeHead(answer.status, HEADERS).flushHeaders()
    Readable.fromWeb(answer.body as never).pipe(response)
  }),
} as const satisfies Readonly<Record<string, Way>>

/** Microseconds of CPU an event, of all streams together. */
async function measure(way: Way, eventsAtOnce: number, readers: ChildProcess): Promise<number> {
  const sinks: Sink[] = []
  const connected = Promise.withResolvers<void>()
  const server = createServer((_, response) => {
    if (sinks.push(way(response)) === STREAMS) connected.resolve()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  readers.send(server.address() as AddressInfo)
  await connected.promise
  const before = process.cpuUsage()
  for (let sent = 0; sent < EVENTS; sent += eventsAtOnce) {
    for (const sink of sinks) for (let times = 0; times < eventsAtOnce; times += 1) sink.send(EVENT)
    await nextTurn()
  }
  for (const sink of sinks) sink.end()
  await once(readers, 'message')
  const { user, system } = process.cpuUsage(before)
  server.close()
  return (user + system) / (STREAMS * EVENTS)
}

async function compare(eventsAtOnce: number, readers: ChildProcess): Promise<void> {
  const costs = new Map<string, number[]>(Object.keys(WAYS).map((name) => [name, []]))
  for (let round = 0; round <= ROUNDS; round += 1) {
    for (const [name, way] of Object.entries(WAYS)) {
      const cost = await measure(way, eventsAtOnce, readers)
      // The first round warms up.
      if (round > 0) costs.get(name)?.push(cost)
    }
  }
  const plain = costs.get('res.write') ?? []
  console.log(`\n${eventsAtOnce} event${eventsAtOnce > 1 ? 's' : ''} at once, ${STREAMS} streams`)
  for (const [name, values] of costs) {
    const ratio = median(values.map((cost, round) => cost / (plain[round] ?? Number.NaN)))
    console.log(`  ${name.padEnd(26)} ${ratio.toFixed(2)}x  ${median(values).toFixed(2)} us an event`)
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN
}

/** The clients, in their own process: their CPU is not counted. */
function readAll({ port }: AddressInfo): void {
  let open = STREAMS
  const onread = { buffer: new Uint8Array(65_536), callback: () => true }
  for (let stream = 0; stream < STREAMS; stream += 1) {
    const socket = connect({ port, host: '127.0.0.1', onread })
    socket.write('GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n')
    socket.on('close', () => {
      open -= 1
      if (open === 0) process.send?.('read')
    })
  }
}

const readers = process.send ? undefined : fork(import.meta.filename)
if (readers === undefined) process.on('message', readAll)
else {
  for (const eventsAtOnce of [1, 10]) await compare(eventsAtOnce, readers)
  readers.disconnect()
}
