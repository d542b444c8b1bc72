import type { ServerKind } from './open-server-store.ts'
import { startPostgres } from './postgres-server.js'
import { startRedis } from './redis-server.js'

/** A server for stores of one kind. */
export interface OwnServer {
  readonly kind: ServerKind
  /** Where a store with data of its own is, as processes are given it. */
  place(name: string): string
  /** Ends the server at once and starts it again. */
  crash(): Promise<void>
  close(): Promise<void>
}

/** Starts a server for stores of one kind. */
export async function startServer(kind: ServerKind): Promise<OwnServer> {
  const server = kind === 'pg' ? await startPostgres() : await startRedis()
  const client = 'config' in server ? server.config : { host: '127.0.0.1', port: server.port }
  return { ...server, kind, place: (name) => JSON.stringify({ client, name }) }
}
