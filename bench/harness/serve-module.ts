// The program of a server: imports a module, calls its serve() and reports what the process used whenever it is asked to.
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { residentBytes } from './resident-bytes.ts'

/** What a server process used since it started. */
export interface ServerUsage<Report> {
  readonly cpuUs: number
  /** Resident memory after a garbage collection. */
  readonly residentBytes: number
  /** The value of `report()`, for servers that have one. */
  readonly report: Report
}

/** What `serve` of a module returns. */
export interface Served {
  readonly server: Server
  report?(): unknown
}

const [module = '', parameters = '{}'] = process.argv.slice(2)
const { serve } = (await import(module)) as { serve(parameters: unknown): Served | Promise<Served> }
const { server, report } = await serve(JSON.parse(parameters))
process.on('message', async () => {
  const { user, system } = process.cpuUsage()
  process.send?.({ cpuUs: user + system, residentBytes: await residentBytes(), report: report?.() })
})
process.on('disconnect', () => process.exit())
server.listen(0, '127.0.0.1', 4096, () => {
  process.send?.({ origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}` })
})
