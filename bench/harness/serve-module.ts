// The program of a server: imports a module, calls its serve() and reports what the process used on request.
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { residentBytes } from './resident-bytes.ts'

/** `collect` collects garbage first, which costs CPU. */
export type UsageRequest = 'usage' | 'collect'

/** What a server process used since it started. */
export interface ServerUsage<Report> {
  readonly cpuUs: number
  /** Resident memory, with the garbage that was not collected yet. */
  readonly residentBytes: number
  /** The value of `report()`, for servers that have one. */
  readonly report: Report
}

/** What `serve` of a module returns: a server that is to listen. */
export interface Served {
  readonly server: Server
  report?(): unknown
}

/** What `serve` returns for a server that listens already. */
export interface ServedElsewhere {
  readonly origin: string
  report?(): unknown
}

type Outcome = Served | ServedElsewhere

const [module = '', parameters = '{}'] = process.argv.slice(2)
const { serve } = (await import(module)) as { serve(parameters: unknown): Outcome | Promise<Outcome> }
const served = await serve(JSON.parse(parameters))
process.on('message', async (request: UsageRequest) => {
  const resident = request === 'collect' ? await residentBytes() : process.memoryUsage.rss()
  const { user, system } = process.cpuUsage()
  process.send?.({ cpuUs: user + system, residentBytes: resident, report: served.report?.() })
})
process.on('disconnect', () => process.exit())
if ('origin' in served) process.send?.({ origin: served.origin })
else {
  const { server } = served
  server.listen(0, '127.0.0.1', 4096, () => {
    process.send?.({ origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}` })
  })
}
