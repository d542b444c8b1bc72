// A backend of the built package in its own process, on a store that other processes share. Prints its port, and ends with its
// standard input.
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { SoraPipeline } from 'sora-pipeline'
import { createHandler, type HandlerOptions, toNodeListener } from 'sora-pipeline/http'
import { sqliteStore } from 'sora-pipeline/stores'
import { videosApiGenerator } from 'sora-pipeline/strategies'
import { openServerStore, type ServerKind } from '../../stores/servers/open-server-store.ts'

/** What a door is started with. */
export interface DoorTask {
  /** `sqlite` is a file, whose path is the place. */
  readonly kind: ServerKind | 'sqlite'
  readonly place: string
  /** The upstream. */
  readonly baseUrl: string
  readonly pollMs: number
  /** Further options of the handler. */
  readonly options?: HandlerOptions
}

const { kind, place, baseUrl, pollMs, options } = JSON.parse(String(process.argv[2])) as DoorTask
const { store, close } = kind === 'sqlite' ? openSqlite() : await openServerStore(kind, place)
const pipeline = new SoraPipeline({
  generator: videosApiGenerator({ baseUrl }),
  store,
  pollSchedule: () => pollMs,
  leaseMs: 1500,
})
const handler = createHandler(pipeline, {
  public: true,
  progress: 'reasoning_content',
  contentSecret: 'x'.repeat(32),
  ...options,
})
const server = createServer(toNodeListener(handler))
server.listen(0, '127.0.0.1', 4096)
await once(server, 'listening')
console.log(JSON.stringify((server.address() as AddressInfo).port))

await once(process.stdin.resume(), 'end')
server.closeAllConnections()
server.close()
await pipeline.close({ graceMs: 1000 })
await close()

function openSqlite() {
  const store = sqliteStore({ path: place })
  return { store, close: () => store.close() }
}
