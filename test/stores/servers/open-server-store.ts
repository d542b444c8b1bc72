import type { RunStore } from 'sora-pipeline'
import { postgresStore, redisStore } from 'sora-pipeline/stores'

// For processes of their own: it imports the built package, and only the client that it needs.

/** A kind of store on a server, by its client. */
export type ServerKind = 'pg' | 'ioredis' | 'redis'

/** Where a store is: options of a client, and the schema or prefix. */
export interface ServerPlace {
  readonly client: {
    readonly host: string
    readonly port: number
    readonly user?: string
    readonly password?: string
    readonly database?: string
  }
  readonly name: string
}

/** Opens a store, migrated, with a client of its own. */
export async function openServerStore(
  kind: ServerKind,
  place: string,
): Promise<{ readonly store: Required<RunStore>; close(): Promise<void> }> {
  const { client: options, name } = JSON.parse(place) as ServerPlace
  if (kind === 'pg') {
    const { Client, Pool } = await import('pg')
    const pool = new Pool(options)
    const store = postgresStore({ pool, schema: name, listenClient: () => new Client(options) })
    await store.migrate()
    return { store, close: () => pool.end() }
  }
  if (kind === 'ioredis') {
    const { Redis } = await import('ioredis')
    const client = new Redis(options)
    const store = redisStore({ client, prefix: name })
    await store.migrate()
    return { store, close: async () => client.disconnect() }
  }
  const { createClient } = await import('redis')
  const client = createClient({ socket: options })
  const store = redisStore({ client, prefix: name })
  await client.connect()
  await store.migrate()
  return { store, close: async () => client.destroy() }
}
