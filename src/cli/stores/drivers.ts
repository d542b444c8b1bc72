import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { PostgresPool, RedisClient } from 'sora-pipeline/stores'
import { CommandError } from '../command-error.js'

/** A client of a store, and how to close it. */
export interface Connected<Client> {
  readonly client: Client
  close(): Promise<unknown>
}

const CONNECT_MS = 5000

/**
 * Opens a pool with the package `pg` of the current directory.
 * @throws CommandError when it is not installed.
 */
export async function postgresPool(address: string): Promise<Connected<PostgresPool>> {
  const { Pool } = (await packageOf(['pg'])).exports as { Pool: new (options: object) => Pool }
  const pool = new Pool({ connectionString: address, max: 2, connectionTimeoutMillis: CONNECT_MS })
  return { client: pool, close: () => pool.end() }
}

/**
 * Connects with the package `ioredis` or `redis` of the current directory.
 * @throws CommandError when neither is installed; the error of the client when it cannot connect.
 */
export async function redisClient(address: string): Promise<Connected<RedisClient>> {
  const { name, exports } = await packageOf(['ioredis', 'redis'])
  if (name === 'ioredis') {
    const { Redis } = exports as { Redis: new (url: string, options: object) => IoRedis }
    const options = { lazyConnect: true, connectTimeout: CONNECT_MS, maxRetriesPerRequest: 1, retryStrategy: never }
    const client = new Redis(address, options)
    let reason: unknown
    client.on('error', (error) => {
      reason ??= error
    })
    // It rejects with a closed connection, and emits why.
    await client.connect().catch((error: unknown) => {
      throw reason ?? error
    })
    return { client, close: async () => client.disconnect() }
  }
  const { createClient } = exports as { createClient: (options: object) => NodeRedis }
  const client = createClient({ url: address, socket: { connectTimeout: CONNECT_MS, reconnectStrategy: false } })
  client.on('error', never)
  await client.connect()
  return { client, close: async () => client.destroy() }
}

type Pool = PostgresPool & { end(): Promise<void> }
type IoRedis = RedisClient & {
  connect(): Promise<void>
  disconnect(): void
  on(event: 'error', listener: (error: Error) => void): unknown
}
type NodeRedis = RedisClient & {
  connect(): Promise<unknown>
  destroy(): void
  on(event: 'error', listener: (error: Error) => void): unknown
}

// The packages of the project in the current directory come before those beside this one.
async function packageOf(names: readonly string[]): Promise<{ readonly name: string; readonly exports: object }> {
  const bases = [pathToFileURL(join(process.cwd(), 'package.json')).href, import.meta.url]
  for (const base of bases) {
    for (const name of names) {
      const path = pathOf(name, base)
      if (path === undefined) continue
      const loaded = await import(pathToFileURL(path).href)
      return { name, exports: { ...loaded.default, ...loaded } }
    }
  }
  const [first] = names
  throw new CommandError(
    `Could not open the store: the package ${names.join(' or ')} is not installed; run npm install ${first}`,
  )
}

function pathOf(name: string, base: string): string | undefined {
  try {
    return createRequire(base).resolve(name)
  } catch (error) {
    if (Object(error).code === 'MODULE_NOT_FOUND') return undefined
    throw error
  }
}

// Errors reject the operations as well.
function never(): null {
  return null
}
