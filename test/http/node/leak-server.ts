import { once } from 'node:events'
import type { Server } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { FetchHandler } from '../../../src/http/node/fetch-handler.js'
import { FRAMEWORKS, type Framework } from './frameworks.js'

// A server in its own process, so that its memory can be measured; leaks.full.ts starts it.

/** What a server holds when no client is connected. */
export interface Holdings {
  readonly heapBytes: number
  /** What keeps the process alive, such as timers and sockets. */
  readonly resources: readonly string[]
  /** How many requests heard that their client went away, and how many bodies were cancelled. */
  readonly aborted: number
  readonly cancelled: number
  readonly warnings: number
}

let aborted = 0
let cancelled = 0
let warnings = 0
process.on('warning', () => {
  warnings += 1
})

const handle: FetchHandler = async (request) => {
  // As a handler of paid work does: the signal alone is kept, and lives no longer than it has to.
  const { signal } = request
  signal.addEventListener('abort', () => {
    aborted += 1
  })
  switch (new URL(request.url).pathname.split('/').at(-1)) {
    case 'echo':
      return new Response(await request.text())
    case 'unread':
      return Response.json({})
    case 'stream':
      return new Response(events(3))
    case 'late':
      globalThis.gc?.({ type: 'minor' })
      if (!signal.aborted) await once(signal, 'abort')
      return new Response(events(1))
    default:
      return new Response(events(Number.POSITIVE_INFINITY))
  }
}

/** Events that come a turn apart; without an end, only the first one comes. */
function events(count: number): ReadableStream<Uint8Array> {
  let sent = 0
  return new ReadableStream({
    async pull(controller) {
      if (sent === count) return controller.close()
      if (count === Number.POSITIVE_INFINITY && sent > 0) await new Promise(() => {})
      await nextTurn()
      controller.enqueue(Buffer.from(`data: ${sent}\n\n`))
      sent += 1
    },
    cancel() {
      cancelled += 1
    },
  })
}

async function holdings(server: Server): Promise<Holdings> {
  while ((await new Promise((resolve) => server.getConnections((_, count) => resolve(count)))) !== 0) await nextTurn()
  for (let times = 0; times < 5; times += 1) {
    globalThis.gc?.()
    // Finalizers run in their own turns of the event loop.
    await nextTurn()
  }
  const resources = process.getActiveResourcesInfo().sort()
  return { heapBytes: process.memoryUsage().heapUsed, resources, aborted, cancelled, warnings }
}

const framework: Framework | undefined = Object.entries(FRAMEWORKS).find(([name]) => name === process.argv[2])?.[1]
if (framework === undefined) throw new Error(`No such framework: ${process.argv[2]}`)
const server = await framework.start(handle)
server.listen(0, '127.0.0.1', () => process.send?.({ address: server.address(), prefix: framework.prefix }))
process.on('message', async () => process.send?.(await holdings(server)))
